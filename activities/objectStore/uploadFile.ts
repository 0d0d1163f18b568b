import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { S3Client } from '@aws-sdk/client-s3';

import { failure } from '../failure.ts';
import type { Host } from '../hosts/host.ts';
import { partBytesOf, uploadStream } from './uploadStream.ts';

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

/**
 * The file streams from its host through the worker into parts, in flat memory. Its checksum is compared before the last byte
 * is handed over, so a file that differs from its record never becomes an object, and an older object of the key stays as it is.
 */
export async function uploadFile(wanted: UploadedFile): Promise<void> {
  const { client, object, host, file, sizeBytes, sha256, cancelled, onProgress } = wanted;
  await uploadStream({
    ...{ client, object, cancelled, onProgress },
    params: { Metadata: { sha256 } },
    partBytes: partBytesOf(sizeBytes),
    async fill(body, signal) {
      const { stdout, done } = await host.stream(['cat', '--', file], { signal });
      await Promise.all([pipeline(stdout, compared(wanted), body), done]);
    },
  });
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
