import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import { cancellationSignal } from '@temporalio/activity';

import { failure } from '../failure.ts';
import type { OpenHost, ResolveSecret } from '../hosts/host.ts';
import { secondsSince, withHeartbeat } from '../tools/withHeartbeat.ts';
import type { ObjectStore, ObjectStoreActivities } from './objectStore.contract.ts';
import { isAbsent, placeOf, withStore } from './storeClient.ts';
import { uploadFile } from './uploadFile.ts';
import { removeParts } from './uploadStream.ts';

/** What the protocol takes in one request. */
const keysAtOnce = 1_000;

export interface ObjectStoreDependencies {
  openHost: OpenHost;
  resolveSecret: ResolveSecret;
}

export function createObjectStoreActivities({ openHost, resolveSecret }: ObjectStoreDependencies): ObjectStoreActivities {
  const inStore = <T>(store: ObjectStore, progress: () => object, act: (client: S3Client, cancelled: AbortSignal) => Promise<T>) => {
    const cancelled = cancellationSignal();
    return withHeartbeat(progress, () => withStore(store, resolveSecret, cancelled, (client) => act(client, cancelled)));
  };

  return {
    checkObjectStore: ({ store }) =>
      inStore(
        store,
        () => ({ bucket: store.bucket }),
        async (client, cancelled) => {
          // Not HeadBucket: its answers have no body, so an unknown key looks like an unknown bucket in some stores.
          await client.send(new ListObjectsV2Command({ Bucket: store.bucket, MaxKeys: 1 }), { abortSignal: cancelled });
        },
      ),

    async putObject({ store, key, host: ref, file, sizeBytes, sha256 }) {
      const beganMs = performance.now();
      const object = { Bucket: store.bucket, Key: fullKey(store, key) };
      let sentBytes = 0;
      const progress = (): object => {
        const bytesPerSecond = Math.round((sentBytes * 1000) / Math.max(1, performance.now() - beganMs));
        return { sentBytes, totalBytes: sizeBytes, bytesPerSecond };
      };
      return inStore(store, progress, async (client, cancelled) => {
        const stored = async (): Promise<boolean> => {
          const seen = await readHead(client, object, cancelled);
          return seen?.sizeBytes === sizeBytes && seen.sha256 === sha256;
        };
        const answer = () => ({ key: object.Key, sizeBytes, sha256, elapsedSeconds: secondsSince(beganMs) });
        if (await stored()) return answer();
        await removeParts(client, object);
        const host = await openHost(ref);
        const onProgress = (bytes: number): void => void (sentBytes = Math.max(sentBytes, bytes));
        await uploadFile({ client, object, host, file, sizeBytes, sha256, cancelled, onProgress });
        if (await stored()) return answer();
        const seen = await readHead(client, object, cancelled);
        await client.send(new DeleteObjectCommand(object), { abortSignal: cancelled });
        throw failure(
          'ChecksumMismatch',
          `${object.Key} in ${placeOf(store)}: ${sizeBytes} bytes were sent, the store holds ${seen?.sizeBytes ?? 'no'} bytes; the object was deleted`,
          { bucket: store.bucket, key: object.Key, sizeBytes },
        );
      });
    },

    listObjects({ store, prefix }) {
      const found: { key: string; sizeBytes: number }[] = [];
      return inStore(
        store,
        () => ({ listed: found.length }),
        async (client, cancelled) => {
          const wanted = { Bucket: store.bucket, Prefix: fullKey(store, prefix) };
          for await (const { Contents = [] } of paginateListObjectsV2({ client }, wanted, { abortSignal: cancelled }))
            for (const { Key = '', Size = 0 } of Contents) found.push({ key: Key.slice(fullKey(store, '').length), sizeBytes: Size });
          return found;
        },
      );
    },

    deleteObjects({ store, keys }) {
      let deleted = 0;
      return inStore(
        store,
        () => ({ deleted, of: keys.length }),
        async (client, cancelled) => {
          for (; deleted < keys.length; deleted += keysAtOnce) {
            const some = keys.slice(deleted, deleted + keysAtOnce).map((key) => ({ Key: fullKey(store, key) }));
            const wanted = { Bucket: store.bucket, Delete: { Objects: some, Quiet: true } };
            const { Errors = [] } = await client.send(new DeleteObjectsCommand(wanted), { abortSignal: cancelled });
            const errors = Errors.filter(({ Code }) => Code !== 'NoSuchKey');
            if (errors.length === 0) continue;
            const first = `${errors[0]?.Key ?? ''} (${errors[0]?.Code ?? ''})`;
            const denied = errors.every(({ Code }) => Code === 'AccessDenied');
            throw failure(
              denied ? 'CredentialsRejected' : 'ObjectStoreUnavailable',
              `${placeOf(store)} did not delete ${errors.length} of ${some.length} objects, the first: ${first}`,
            );
          }
        },
      );
    },
  };
}

function fullKey(store: ObjectStore, key: string): string {
  return store.prefix === '' ? key : `${store.prefix}/${key}`;
}

/** The store's own word: the size of an object, and the checksum that was stored with it. */
async function readHead(
  client: S3Client,
  object: { Bucket: string; Key: string },
  abortSignal: AbortSignal,
): Promise<{ sizeBytes?: number; sha256?: string } | undefined> {
  try {
    const { ContentLength, Metadata } = await client.send(new HeadObjectCommand(object), { abortSignal });
    return { sizeBytes: ContentLength, sha256: Metadata?.sha256 };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
