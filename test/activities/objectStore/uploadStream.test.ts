import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { ListMultipartUploadsCommand, type S3Client } from '@aws-sdk/client-s3';

import { partBytesOf, uploadStream } from '../../../activities/objectStore/uploadStream.ts';
import { gatewayProgram, startGateway, type Gateway } from './gateway.ts';

const mebibyte = 1024 * 1024;
const slownessMs = 400;
const { program, missing } = await gatewayProgram();

describe('the end of an upload that fails', { skip: missing }, () => {
  let gateway: Gateway;

  /** A client whose named requests are answered when `held` has ended, and which notes when each was sent and answered. */
  function slowClient(slow: string, held: () => Promise<unknown>): { client: S3Client; noted: string[]; under: () => number } {
    const client = gateway.openClient();
    const noted: string[] = [];
    let under = 0;
    client.middlewareStack.add(
      (next, { commandName = '' }) =>
        async (args) => {
          const name = commandName.replace('Command', '');
          noted.push(`${name} sent`);
          under += 1;
          try {
            const answer = await next(args);
            if (name === slow) await held();
            return answer;
          } finally {
            under -= 1;
            noted.push(`${name} ended`);
          }
        },
      { step: 'initialize', name: 'slowness' },
    );
    return { client, noted, under: () => under };
  }
  const upload = (client: S3Client, fill: (body: PassThrough) => Promise<void>, cancelled = new AbortController().signal) =>
    uploadStream({
      ...{ client, cancelled, fill },
      object: { Bucket: gateway.store.bucket, Key: 'slow' },
      partBytes: partBytesOf(0),
      onProgress: () => {},
    });
  const unfinished = async () =>
    (await gateway.client.send(new ListMultipartUploadsCommand({ Bucket: gateway.store.bucket }))).Uploads ?? [];
  async function* mebibytes(count: number, onEnd: () => void) {
    for (let sent = 0; sent < count; sent += 1) yield randomBytes(mebibyte);
    onEnd();
  }

  before(async () => (gateway = await startGateway(program ?? '')));
  after(() => gateway?.stop());

  test('parts that are on their way are waited for before the upload is dropped', async () => {
    const { client, noted } = slowClient('UploadPart', () => sleep(slownessMs));
    const failing = (body: PassThrough) =>
      pipeline(
        Readable.from(
          mebibytes(40, () => {
            throw new Error('not what was recorded');
          }),
        ),
        body,
      );
    await assert.rejects(upload(client, failing), /not what was recorded/);
    assert.deepEqual(await unfinished(), []);
    const dropped = noted.indexOf('AbortMultipartUpload sent');
    assert.equal(noted.filter((line) => line === 'UploadPart sent').length, 2, noted.join(', '));
    assert.ok(dropped > noted.lastIndexOf('UploadPart ended'), noted.join(', '));
    assert.ok(!noted.includes('CompleteMultipartUpload sent'));
  });

  test('an upload that is cancelled while the store begins it is dropped, and nothing of it is under way', async () => {
    const cancelling = new AbortController();
    const { client, noted, under } = slowClient('CreateMultipartUpload', async () => {
      cancelling.abort();
      await sleep(slownessMs);
    });
    const filling = (body: PassThrough) => pipeline(Readable.from(mebibytes(40, () => {})), body);
    const sent = upload(client, filling, cancelling.signal);
    await assert.rejects(sent, /cancelled/);
    assert.equal(under(), 0);
    assert.deepEqual(await unfinished(), []);
    const dropped = noted.indexOf('AbortMultipartUpload sent');
    assert.ok(dropped > noted.indexOf('CreateMultipartUpload ended'), noted.join(', '));
    assert.ok(dropped > noted.lastIndexOf('UploadPart ended'), noted.join(', '));
  });

  test('the first part that the store refuses ends the reading of the content', async () => {
    const { client } = slowClient('none', async () => {});
    client.middlewareStack.add(
      (next, { commandName }) =>
        (args) =>
          commandName === 'UploadPartCommand' ? Promise.reject(new Error('disk full')) : next(args),
      { step: 'initialize' },
    );
    let read = 0;
    async function* endless() {
      for (; read < 2_000; read += 1) {
        yield randomBytes(mebibyte);
        await sleep(1);
      }
    }
    await assert.rejects(
      upload(client, (body) => pipeline(Readable.from(endless()), body)),
      /disk full/,
    );
    assert.ok(read < 500, `${read} MiB were read after the refusal`);
    assert.deepEqual(await unfinished(), []);
  });
});
