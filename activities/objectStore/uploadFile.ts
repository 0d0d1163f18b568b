import { createHash } from 'node:crypto';
import { PassThrough, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { AbortMultipartUploadCommand, ListMultipartUploadsCommand, type S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';

import { failure } from '../failure.ts';
import type { Host } from '../hosts/host.ts';

const partsAtOnce = 4;
const mebibyte = 1024 * 1024;
const partBytesMin = 16 * mebibyte;
/** The protocol allows 10,000 parts; the recorded size may be a little wrong. */
const partsMax = 9_000;

export interface UploadedFile {
  client: S3Client;
  object: { Bucket: string; Key: string };
  host: Host;
  file: string;
  sizeBytes: number;
  sha256: string;
  cancelled: AbortSignal;
  /** Told how many bytes the store has taken. */
  onProgress: (sentBytes: number) => void;
}

export function partBytesOf(sizeBytes: number): number {
  return Math.max(partBytesMin, Math.ceil(sizeBytes / partsMax / mebibyte) * mebibyte);
}

/**
 * The file streams from its host through the worker into parts, in flat memory. Its checksum is compared before the last byte
 * is handed over, so a file that differs from its record never becomes an object, and an older object of the key stays as it is.
 */
export async function uploadFile(wanted: UploadedFile): Promise<void> {
  const { client, object, host, file, sizeBytes, sha256, cancelled, onProgress } = wanted;
  const stopping = new AbortController();
  const { stdout, done } = await host.stream(['cat', '--', file], { signal: AbortSignal.any([cancelled, stopping.signal]) });
  const body = new PassThrough({ highWaterMark: mebibyte });
  const reading = Promise.all([pipeline(stdout, compared(wanted), body), done]);
  const sending = new Upload({
    client,
    params: { ...object, Body: body, Metadata: { sha256 } },
    queueSize: partsAtOnce,
    partSize: partBytesOf(sizeBytes),
    leavePartsOnError: false,
  });
  sending.on('httpUploadProgress', ({ loaded = 0 }) => onProgress(loaded));
  const abort = (): void => void sending.abort().catch(() => {});
  cancelled.addEventListener('abort', abort, { once: true });
  if (cancelled.aborted) abort();
  // The first to fail is the cause; the other side's error is only its consequence.
  const failures: unknown[] = [];
  const notedAs = (error: unknown): void => void failures.push(error);
  const read = reading.catch((error: unknown) => {
    notedAs(error);
    abort();
  });
  const sent = sending.done().catch((error: unknown) => {
    notedAs(error);
    body.destroy();
    stopping.abort();
  });
  await Promise.all([read, sent]);
  cancelled.removeEventListener('abort', abort);
  if (failures.length === 0) return;
  await removeParts(client, object);
  throw failures[0];
}

/** Passes bytes on, and fails at their end when they are not those of the record. */
function compared({ host, file, sizeBytes, sha256 }: UploadedFile): Transform {
  const hash = createHash('sha256');
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, pass) {
      hash.update(chunk);
      bytes += chunk.length;
      pass(null, chunk);
    },
    flush(pass) {
      const seen = hash.digest('hex');
      if (bytes === sizeBytes && seen === sha256) return pass();
      const read = `${bytes} bytes with sha256 ${seen} were read, ${sizeBytes} bytes with ${sha256} were recorded`;
      const facts = { host: host.ref.name, file, readBytes: bytes, readSha256: seen, sizeBytes, sha256 };
      pass(failure('ChecksumMismatch', `${file} on ${host.ref.name}: ${read}; nothing was stored`, facts));
    },
  });
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
