import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, createWriteStream, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { GetObjectCommand, HeadObjectCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { CancelledFailure } from '@temporalio/common';

import { freePort } from '../../../deploy/lab/freePort.ts';
import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import type { ObjectStore } from '../../../activities/objectStore/objectStore.contract.ts';
import { createObjectStoreActivities } from '../../../activities/objectStore/objectStoreActivities.ts';
import { partBytesOf } from '../../../activities/objectStore/uploadStream.ts';
import { beginActivity, runActivity } from '../../support/runActivity.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { gatewayProgram, startGateway, type Gateway } from './gateway.ts';

type TypedError = Error & { type?: string };

const megabyte = 1_000_000;
const { program, missing } = await gatewayProgram();

test('parts are whole MiB, at least 16, and never more than the protocol allows', () => {
  const mebibyte = 1024 * 1024;
  for (const sizeBytes of [0, 1, 16 * mebibyte * 9_000, 16 * mebibyte * 9_000 + 1, 5e12]) {
    const part = partBytesOf(sizeBytes);
    assert.equal(part % mebibyte, 0);
    assert.ok(part >= 16 * mebibyte && Math.ceil(sizeBytes / part) <= 9_000, `${sizeBytes}: ${part}`);
  }
  assert.equal(partBytesOf(16 * mebibyte * 9_000), 16 * mebibyte);
});

describe('an object store', { skip: missing }, () => {
  let gateway: Gateway;
  let store: ObjectStore;
  let host: HostRef;
  let big: { file: string; sizeBytes: number; sha256: string };
  const hosts = createHosts({ resolveSecret: async () => '' });
  const objects = createObjectStoreActivities({ openHost: hosts.openHost, resolveSecret: (name) => gateway.resolveSecret(name) });

  const makeFile = (name: string, megabytes: number) => {
    const file = join(gateway.directory, name);
    const hash = createHash('sha256');
    writeFileSync(file, '');
    for (let count = 0; count < megabytes; count += 1) {
      const piece = randomBytes(megabyte);
      hash.update(piece);
      appendFileSync(file, piece);
    }
    return { file, sizeBytes: megabytes * megabyte, sha256: hash.digest('hex') };
  };
  const put = (key: string, of: { file: string; sizeBytes: number; sha256: string }, to = store) =>
    runActivity(() => objects.putObject({ store: to, key, host, ...of }));
  const list = (prefix: string) => runActivity(() => objects.listObjects({ store, prefix }));
  const head = (key: string) => gateway.client.send(new HeadObjectCommand({ Bucket: store.bucket, Key: `${store.prefix}/${key}` }));
  const unfinished = async () => (await gateway.client.send(new ListMultipartUploadsCommand({ Bucket: store.bucket }))).Uploads ?? [];
  const fails = async (work: Promise<unknown>, type: string, ...words: string[]) =>
    assert.rejects(work, (error: TypedError) => {
      assert.equal(error.type, type, String(error));
      for (const word of words) assert.ok(error.message.includes(word), `"${word}" in: ${error.message}`);
      const all = [error.stack, JSON.stringify(error), String(error.cause)].join('\n');
      assert.doesNotMatch(all, /not-to-be-seen/);
      return true;
    });

  before(async () => {
    gateway = await startGateway(program ?? '');
    store = gateway.store;
    host = {
      name: 'here',
      address: '127.0.0.1',
      reach: { kind: 'local' },
      serviceManager: { kind: 'supervisor', command: 'supervisorctl', configFile: '/none' },
      stateDirectory: gateway.directory,
    };
    big = makeFile('big', 100);
  });
  after(async () => {
    await hosts.close();
    await gateway?.stop();
  });

  test('is reached with its credentials', async () => {
    await runActivity(() => objects.checkObjectStore({ store }));
  });

  test('takes 100 MB in parts, below its prefix, in flat memory', async (context) => {
    globalThis.gc?.();
    const held = () => process.memoryUsage().arrayBuffers;
    const before = held();
    let peak = before;
    const watching = setInterval(() => (peak = Math.max(peak, held())), 10);
    const stored = await put('set/big', big).finally(() => clearInterval(watching));
    const { ContentLength, Metadata, ETag } = await head('set/big');
    assert.equal(ContentLength, big.sizeBytes);
    assert.equal(Metadata?.sha256, big.sha256);
    assert.match(ETag ?? '', /-6"?$/, 'six parts');
    assert.equal(stored.key, 'vitam/night/set/big');
    assert.equal(stored.sizeBytes, big.sizeBytes);
    assert.equal(stored.sha256, big.sha256);
    const { Body } = await gateway.client.send(new GetObjectCommand({ Bucket: store.bucket, Key: stored.key }));
    const hash = createHash('sha256');
    for await (const chunk of Body as AsyncIterable<Buffer>) hash.update(chunk);
    assert.equal(hash.digest('hex'), big.sha256);
    context.diagnostic(`buffers grew by ${Math.round((peak - before) / megabyte)} MB at most, ${stored.elapsedSeconds} s`);
  });

  test('leaves an object that is there already', async () => {
    const { LastModified: first } = await head('set/big');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await put('set/big', { ...big, file: '/nightshift/not/read' });
    assert.deepEqual((await head('set/big')).LastModified, first);
  });

  test('keeps to a bounded memory with 600 MB, and tells how far it is', async (context) => {
    const file = makeFile('larger', 600);
    try {
      globalThis.gc?.();
      const before = process.memoryUsage().arrayBuffers;
      let peak = before;
      const watching = setInterval(() => (peak = Math.max(peak, process.memoryUsage().arrayBuffers)), 10);
      const putting = beginActivity(() => objects.putObject({ store, key: 'set/larger', host, ...file }));
      const stored = await putting.result.finally(() => clearInterval(watching));
      const growth = Math.round((peak - before) / megabyte);
      context.diagnostic(`buffers grew by ${growth} MB at most, ${stored.elapsedSeconds} s`);
      assert.ok(growth < 300, `buffers grew by ${growth} MB`);
      assert.deepEqual(Object.keys(putting.heartbeats[0] as object), ['sentBytes', 'totalBytes', 'bytesPerSecond']);
      assert.equal((putting.heartbeats.at(-1) as { totalBytes: number }).totalBytes, file.sizeBytes);
    } finally {
      rmSync(file.file);
      await runActivity(() => objects.deleteObjects({ store, keys: ['set/larger'] }));
    }
  });

  test('takes small and empty files', async () => {
    for (const megabytes of [0, 1]) {
      const file = makeFile(`small-${megabytes}`, megabytes);
      await put(`small/${megabytes}`, file);
      assert.equal((await head(`small/${megabytes}`)).ContentLength, file.sizeBytes);
    }
  });

  test('stores nothing when the file is not what was recorded, and keeps what the key held', async () => {
    for (const [name, file] of [
      ['big', big],
      ['small', makeFile('small-wrong', 1)],
    ] as const) {
      await fails(put(`wrong/${name}`, { ...file, sha256: '0'.repeat(64) }), 'ChecksumMismatch', file.sha256, file.file);
      await fails(put(`wrong/${name}`, { ...file, sizeBytes: file.sizeBytes + 1 }), 'ChecksumMismatch', String(file.sizeBytes));
    }
    assert.deepEqual(await list('wrong/'), []);
    await fails(put('set/big', { ...big, sha256: '0'.repeat(64) }), 'ChecksumMismatch');
    assert.equal((await head('set/big')).Metadata?.sha256, big.sha256);
    assert.deepEqual(await unfinished(), []);
  });

  test('tells a file that cannot be read as such', async () => {
    await fails(put('none', { ...big, file: '/nightshift/none' }), 'CommandFailed', '/nightshift/none');
    assert.deepEqual(await list('none'), []);
    assert.deepEqual(await unfinished(), []);
  });

  test('names the secrets when the credentials are rejected', async () => {
    for (const wrong of [{ secretAccessKey: 'wrong' }, { accessKeyId: 'wrong' }]) {
      const other = { ...store, ...wrong };
      await fails(
        runActivity(() => objects.checkObjectStore({ store: other })),
        'CredentialsRejected',
        '"wrong"',
        store.bucket,
      );
      await fails(put('rejected', big, other), 'CredentialsRejected', '"wrong"');
    }
  });

  test('tells a bucket that is not there, and a store that does not answer, by name', async () => {
    const noBucket = { ...store, bucket: 'nowhere' };
    await fails(
      runActivity(() => objects.checkObjectStore({ store: noBucket })),
      'ObjectStoreUnavailable',
      'nowhere',
    );
    await fails(put('x', big, noBucket), 'ObjectStoreUnavailable', 'nowhere');
    await fails(
      runActivity(() => objects.listObjects({ store: noBucket, prefix: '' })),
      'ObjectStoreUnavailable',
      'nowhere',
    );
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    await fails(
      runActivity(() => objects.checkObjectStore({ store: { ...store, endpoint } })),
      'ObjectStoreUnavailable',
      endpoint,
      'ECONNREFUSED',
    );
  });

  test('lists below a prefix and deletes; absent keys count as deleted', async () => {
    const file = makeFile('listed', 1);
    for (const key of ['many/1', 'many/2 ü+&', 'many-not/3']) await put(key, file);
    assert.deepEqual(await list('many/'), [
      { key: 'many/1', sizeBytes: megabyte },
      { key: 'many/2 ü+&', sizeBytes: megabyte },
    ]);
    const keys = ['many/1', 'many/2 ü+&', 'many/absent'];
    await runActivity(() => objects.deleteObjects({ store, keys }));
    await runActivity(() => objects.deleteObjects({ store, keys }));
    assert.deepEqual(await list('many/'), []);
    assert.equal((await list('many-not/')).length, 1);
    await runActivity(() => objects.deleteObjects({ store, keys: [] }));
  });

  /** A file whose reader gets 40 MB and then waits for what comes next: the upload of it stands in its middle. */
  const makeHeldFile = (name: string) => {
    const file = join(gateway.directory, name);
    execFileSync('mkfifo', [file]);
    const writer = createWriteStream(file);
    // Its reader is ended before its end.
    writer.on('error', () => {});
    const write = (): void => void writer.write(randomBytes(40 * megabyte));
    write();
    return { of: { ...big, file }, write, close: () => writer.destroy() };
  };

  test('leaves no object and no parts when cancelled', async () => {
    const held = makeHeldFile('held-1');
    const putting = beginActivity(() => objects.putObject({ store, key: 'cancelled', host, ...held.of }));
    await waitUntil('parts are on the way', async () => (await unfinished()).length > 0);
    putting.cancel();
    await assert.rejects(putting.result, CancelledFailure);
    held.close();
    assert.deepEqual(await list('cancelled'), []);
    assert.deepEqual(await unfinished(), []);
  });

  test('tells a store that goes away half-way, and the next attempt clears what that left', async () => {
    const held = makeHeldFile('held-2');
    const putting = beginActivity(() => objects.putObject({ store, key: 'interrupted', host, ...held.of }));
    await waitUntil('parts are on the way', async () => (await unfinished()).length > 0);
    await gateway.kill();
    held.write();
    await fails(putting.result, 'ObjectStoreUnavailable', store.bucket, store.endpoint ?? '');
    held.close();
    await gateway.start();
    assert.equal((await unfinished()).length, 1, 'what the attempt left');
    await put('interrupted', big);
    assert.deepEqual(await unfinished(), []);
    assert.equal((await head('interrupted')).ContentLength, big.sizeBytes);
  });
});
