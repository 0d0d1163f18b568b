import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type CreateMultipartUploadCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';

const mebibyte = 1024 * 1024;
const partBytesMin = 16 * mebibyte;
/** The protocol allows 10,000 parts; the expected size may be a little wrong. */
const partsMax = 9_000;
const partsAtOnceMax = 4;
const inFlightBytesMax = 256 * mebibyte;
/** How long parts that are on their way may take once the upload has failed. */
const sentPartsMaxMs = 30_000;
const removalLooksMax = 6;
const removalPauseMs = 100;

export interface UploadedStream {
  client: S3Client;
  object: { Bucket: string; Key: string };
  /** Further fields of the upload's begin, for example metadata. */
  params?: Partial<CreateMultipartUploadCommandInput>;
  partBytes: number;
  /**
   * Writes the content into `body` and ends it, at the earliest when it is sure that the content is whole: the object exists from then on.
   * Must stop what it started when the signal aborts.
   */
  fill: (body: PassThrough, signal: AbortSignal) => Promise<void>;
  cancelled: AbortSignal;
  /** Told how many bytes the store has taken. */
  onProgress: (sentBytes: number) => void;
}

export function partBytesOf(sizeBytes: number): number {
  return Math.max(partBytesMin, Math.ceil(sizeBytes / partsMax / mebibyte) * mebibyte);
}

/**
 * What `fill` writes goes into parts, in flat memory. When `fill` fails or the store does, nothing becomes an object, an older object of the key
 * stays as it is, and no parts are left. The first failure is thrown; the other side's is only its consequence.
 *
 * The upload is never ended with the library's own abort: that answers while parts are still on their way, and a store may keep a part that
 * arrives beside the request to drop them all. The content is ended instead, so that the library waits for what it sent first.
 */
export async function uploadStream({ client, object, params, partBytes, fill, cancelled, onProgress }: UploadedStream): Promise<void> {
  const stopping = new AbortController();
  const requests = new AbortController();
  const body = new PassThrough({ highWaterMark: mebibyte });
  // The two promises below report its end.
  body.on('error', () => undefined);
  const failures: unknown[] = [];
  let patience: NodeJS.Timeout | undefined;
  const failed = (error: unknown): void => {
    failures.push(error);
    patience ??= setTimeout(() => requests.abort(), sentPartsMaxMs);
    body.destroy(error instanceof Error ? error : new Error(String(error)));
    stopping.abort();
  };
  const cancel = (): void => {
    requests.abort();
    failed(new Error('cancelled'));
  };
  const sending = new Upload({
    client: clientEnding(client, requests.signal, failed),
    params: { ...params, ...object, Body: body },
    queueSize: Math.max(1, Math.min(partsAtOnceMax, Math.floor(inFlightBytesMax / partBytes))),
    partSize: partBytes,
    leavePartsOnError: false,
  });
  sending.on('httpUploadProgress', ({ loaded = 0 }) => onProgress(loaded));
  cancelled.addEventListener('abort', cancel, { once: true });
  if (cancelled.aborted) cancel();
  await Promise.all([fill(body, stopping.signal).catch(failed), sending.done().catch(failed)]);
  clearTimeout(patience);
  cancelled.removeEventListener('abort', cancel);
  if (failures.length === 0) return;
  await removeParts(client, object);
  throw failures[0];
}

/**
 * The client as the upload sees it: requests that carry content end with the signal, while those that begin or drop an upload are always
 * answered, so that no upload is begun whose name nobody knows. The first request that fails is reported at once: the library would send
 * the whole rest before it tells.
 */
function clientEnding(client: S3Client, signal: AbortSignal, onFailure: (error: unknown) => void): S3Client {
  const send = async (command: Parameters<S3Client['send']>[0]): Promise<unknown> => {
    const alwaysAnswered = command instanceof CreateMultipartUploadCommand || command instanceof AbortMultipartUploadCommand;
    try {
      return await client.send(command, alwaysAnswered ? {} : { abortSignal: signal });
    } catch (error) {
      onFailure(error);
      throw error;
    }
  };
  return Object.create(client, { send: { value: send } }) as S3Client;
}

/**
 * Takes away unfinished uploads of exactly this key: those of a worker that died, and parts that arrived after an abort. Looked at again until
 * none is left, since a store may answer an abort and keep what was arriving.
 * Best effort: a store that does not answer, or forbids the listing, fails the upload itself or never had it.
 */
export async function removeParts(client: S3Client, object: { Bucket: string; Key: string }): Promise<void> {
  for (let looks = 0; looks < removalLooksMax; looks += 1) {
    if (looks > 0) await sleep(removalPauseMs * 2 ** looks);
    try {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: object.Bucket, Prefix: object.Key }));
      const left = Uploads.flatMap(({ Key, UploadId }) => (Key === object.Key && UploadId ? [UploadId] : []));
      if (left.length === 0) return;
      await Promise.allSettled(left.map((UploadId) => client.send(new AbortMultipartUploadCommand({ ...object, UploadId }))));
    } catch {
      // Tried again at the beginning of the next attempt.
      return;
    }
  }
}
