import { PassThrough } from 'node:stream';

import {
  AbortMultipartUploadCommand,
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
 */
export async function uploadStream({ client, object, params, partBytes, fill, cancelled, onProgress }: UploadedStream): Promise<void> {
  const stopping = new AbortController();
  const body = new PassThrough({ highWaterMark: mebibyte });
  // Its end is told by the two promises below.
  body.on('error', () => undefined);
  const sending = new Upload({
    client,
    params: { ...params, ...object, Body: body },
    queueSize: Math.max(1, Math.min(partsAtOnceMax, Math.floor(inFlightBytesMax / partBytes))),
    partSize: partBytes,
    leavePartsOnError: false,
  });
  sending.on('httpUploadProgress', ({ loaded = 0 }) => onProgress(loaded));
  const abort = (): void => void sending.abort().catch(() => {});
  cancelled.addEventListener('abort', abort, { once: true });
  if (cancelled.aborted) abort();
  const failures: unknown[] = [];
  const filled = fill(body, AbortSignal.any([cancelled, stopping.signal])).catch((error: unknown) => {
    failures.push(error);
    abort();
    body.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  const sent = sending.done().catch((error: unknown) => {
    failures.push(error);
    body.destroy();
    stopping.abort();
  });
  await Promise.all([filled, sent]);
  cancelled.removeEventListener('abort', abort);
  if (failures.length === 0) return;
  await removeParts(client, object);
  throw failures[0];
}

/**
 * Takes away unfinished uploads of exactly this key: those of a worker that died, and parts that arrived after an abort.
 * Best effort: a store that does not answer, or forbids the listing, fails the upload itself or never had it.
 */
export async function removeParts(client: S3Client, object: { Bucket: string; Key: string }): Promise<void> {
  try {
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: object.Bucket, Prefix: object.Key }));
    for (const { Key, UploadId } of Uploads)
      if (Key === object.Key && UploadId) await client.send(new AbortMultipartUploadCommand({ ...object, UploadId }));
  } catch {
    // Tried again at the beginning of the next attempt.
  }
}
