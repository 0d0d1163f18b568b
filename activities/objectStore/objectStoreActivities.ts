import { createHash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PassThrough } from 'node:stream';

import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { cancellationSignal } from '@temporalio/activity';

import { failure } from '../failure.ts';
import type { OpenHost, ResolveSecret } from '../hosts/host.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import { secondsSince, withHeartbeat } from '../tools/withHeartbeat.ts';
import type { ObjectStore, ObjectStoreActivities } from './objectStore.contract.ts';

const partsAtOnce = 4;
const partBytesMin = 16 * 1024 * 1024;
/** The protocol allows 10,000 parts. */
const partsMax = 9_000;
const keysAtOnce = 1_000;

export function createObjectStoreActivities({
  openHost,
  resolveSecret,
}: {
  openHost: OpenHost;
  resolveSecret: ResolveSecret;
}): ObjectStoreActivities {
  async function withClient<Result>(store: ObjectStore, act: (client: S3Client) => Promise<Result>): Promise<Result> {
    const client = new S3Client({
      region: store.region,
      forcePathStyle: store.pathStyle,
      maxAttempts: 5,
      ...(store.endpoint ? { endpoint: store.endpoint } : {}),
      ...(store.accessKeyId && store.secretAccessKey
        ? {
            credentials: {
              accessKeyId: await resolveSecret(store.accessKeyId),
              secretAccessKey: await resolveSecret(store.secretAccessKey),
            },
          }
        : {}),
    });
    try {
      return await act(client);
    } catch (error) {
      throw named(error, store);
    } finally {
      client.destroy();
    }
  }

  return {
    checkObjectStore: ({ store }) =>
      withClient(store, async (client) => {
        await client.send(new HeadBucketCommand({ Bucket: store.bucket }), { abortSignal: cancellationSignal() });
      }),

    async putObject({ store, key, host: ref, file, sizeBytes, sha256 }) {
      const beganMs = performance.now();
      const object = { Bucket: store.bucket, Key: fullKey(store, key) };
      let sentBytes = 0;
      return withHeartbeat(
        () => ({ key, sentBytes, totalBytes: sizeBytes, elapsedSeconds: secondsSince(beganMs) }),
        () =>
          withClient(store, async (client) => {
            const answer = { key: object.Key, sizeBytes, sha256 };
            if (await isThere(client, object, sizeBytes, sha256)) return { ...answer, elapsedSeconds: secondsSince(beganMs) };
            const hash = createHash('sha256');
            const measured = new Transform({
              transform(chunk: Buffer, _encoding, done: TransformCallback) {
                hash.update(chunk);
                sentBytes += chunk.length;
                done(null, chunk);
              },
            });
            await upload(client, object, sha256, sizeBytes, ref, file, measured);
            const seen = hash.digest('hex');
            if (seen !== sha256 || sentBytes !== sizeBytes) {
              await client.send(new DeleteObjectCommand(object));
              throw failure(
                'ChecksumMismatch',
                `${file} on ${ref.name}: ${sentBytes} bytes with sha256 ${seen} were read, ${sizeBytes} with ${sha256} were recorded; the object was deleted`,
              );
            }
            if (!(await isThere(client, object, sizeBytes, sha256)))
              throw failure('ChecksumMismatch', `${object.Key} in bucket ${store.bucket} is not the ${sizeBytes} bytes that were sent`);
            return { ...answer, elapsedSeconds: secondsSince(beganMs) };
          }),
      );
    },

    listObjects: ({ store, prefix }) =>
      withClient(store, async (client) => {
        const found: { key: string; sizeBytes: number }[] = [];
        for (let token: string | undefined; ;) {
          const page = await client.send(
            new ListObjectsV2Command({
              Bucket: store.bucket,
              Prefix: fullKey(store, prefix),
              ...(token ? { ContinuationToken: token } : {}),
            }),
          );
          for (const { Key = '', Size = 0 } of page.Contents ?? [])
            found.push({ key: store.prefix === '' ? Key : Key.slice(store.prefix.length + 1), sizeBytes: Size });
          token = page.NextContinuationToken;
          if (!token) return found;
        }
      }),

    deleteObjects: ({ store, keys }) =>
      withClient(store, async (client) => {
        for (let from = 0; from < keys.length; from += keysAtOnce) {
          const some = keys.slice(from, from + keysAtOnce).map((key) => ({ Key: fullKey(store, key) }));
          const { Errors: errors = [] } = await client.send(
            new DeleteObjectsCommand({ Bucket: store.bucket, Delete: { Objects: some, Quiet: true } }),
          );
          if (errors.length > 0)
            throw failure(
              'ObjectStoreUnavailable',
              `${errors.length} objects were not deleted, the first: ${errors[0]?.Key ?? ''} (${errors[0]?.Code ?? ''})`,
            );
        }
      }),
  };

  /** The file streams from its host through the worker into parts; an error on either side ends both, and no parts are left. */
  async function upload(
    client: S3Client,
    object: { Bucket: string; Key: string },
    sha256: string,
    sizeBytes: number,
    ref: Parameters<OpenHost>[0],
    file: string,
    measured: Transform,
  ): Promise<void> {
    const stopping = new AbortController();
    const cancelled = cancellationSignal();
    const signal = AbortSignal.any([cancelled, stopping.signal]);
    const host = await openHost(ref);
    const { stdout, done } = await host.stream(['cat', '--', file], { signal });
    const body = new PassThrough({ highWaterMark: 1024 * 1024 });
    const sending = new Upload({
      client,
      params: { ...object, Body: body, Metadata: { sha256 } },
      queueSize: partsAtOnce,
      partSize: Math.max(partBytesMin, Math.ceil(sizeBytes / partsMax)),
      leavePartsOnError: false,
    });
    const abort = (): void => void sending.abort();
    signal.addEventListener('abort', abort, { once: true });
    const reading = Promise.all([pipeline(stdout, measured, body), done]);
    try {
      await Promise.all([
        sending.done(),
        reading.catch(async (error: unknown) => {
          await sending.abort();
          throw error;
        }),
      ]);
    } catch (error) {
      stopping.abort();
      await reading.catch(() => undefined);
      throw cancelled.aborted ? cancellationOf(cancelled) : error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }
}

function fullKey(store: ObjectStore, key: string): string {
  return store.prefix === '' ? key : `${store.prefix}/${key}`;
}

/** The store's own word for what it holds: size, and the checksum that was stored with the object. */
async function isThere(client: S3Client, object: { Bucket: string; Key: string }, sizeBytes: number, sha256: string): Promise<boolean> {
  try {
    const head = await client.send(new HeadObjectCommand(object));
    return head.ContentLength === sizeBytes && head.Metadata?.sha256 === sha256;
  } catch (error) {
    if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) return false;
    throw error;
  }
}

const refused = new Set(['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'AccessDenied', 'ExpiredToken', 'InvalidToken']);

function named(error: unknown, store: ObjectStore): unknown {
  if (!(error instanceof Error)) return error;
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
  const place = `bucket ${store.bucket}${store.endpoint ? ` at ${store.endpoint}` : ''}`;
  if (refused.has(error.name) || status === 401 || status === 403)
    return failure(
      'CredentialsRejected',
      `${place} rejects the credentials of secret "${store.accessKeyId ?? 'the worker itself'}" (${error.name})`,
    );
  const isNetwork = 'code' in error && typeof error.code === 'string' && /^E[A-Z]+$/.test(error.code);
  if (status !== undefined || isNetwork || error.name === 'TimeoutError')
    return failure('ObjectStoreUnavailable', `${place}: ${error.name} ${error.message}`.slice(0, 500));
  return error;
}
