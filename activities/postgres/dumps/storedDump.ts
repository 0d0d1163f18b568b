import { createHash } from 'node:crypto';

import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type HeadObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';

import { failure } from '../../failure.ts';
import { isAbsent } from '../../objectStore/storeClient.ts';
import { removeParts } from '../../objectStore/uploadStream.ts';
import type { StoredDump, StoredDumpCheck } from './dumps.contract.ts';

export interface InStore {
  client: S3Client;
  object: { Bucket: string; Key: string };
  signal: AbortSignal;
}

export async function checkStoredDumpOf(
  place: InStore,
  { sizeBytes, sha256, crc32 }: StoredDump,
  onBytes: (bytes: number) => void,
): Promise<StoredDumpCheck> {
  const { client, object, signal } = place;
  const head = await headOf(place);
  if (!head) throw wrong(object, `${sizeBytes} bytes were sent, the store has no such object`);
  if (head.ContentLength !== sizeBytes)
    throw wrong(object, `${sizeBytes} bytes were sent, the store holds ${head.ContentLength ?? 'no'} bytes`);
  // A checksum of the parts' checksums says nothing about ours.
  if (head.ChecksumCRC32 && head.ChecksumType === 'FULL_OBJECT') {
    if (head.ChecksumCRC32 === crc32) return { by: 'checksum' };
    throw wrong(object, `CRC-32 ${crc32} was sent, the store has ${head.ChecksumCRC32}`);
  }
  const { Body } = await client.send(new GetObjectCommand(object), { abortSignal: signal });
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of Body as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    onBytes(bytes);
  }
  const seen = hash.digest('hex');
  if (bytes !== sizeBytes || seen !== sha256)
    throw wrong(object, `${sizeBytes} bytes with sha256 ${sha256} were sent, ${bytes} bytes with ${seen} were read back`);
  return { by: 'reading' };
}

function wrong({ Bucket, Key }: InStore['object'], what: string): Error {
  return failure('ChecksumMismatch', `${Key} in bucket ${Bucket}: ${what}`, { bucket: Bucket, key: Key });
}

/** Why the key cannot be taken; null when it is free. */
export async function keyTaken(place: InStore): Promise<string | null> {
  const { Bucket, Key } = place.object;
  const taken = (await headOf(place)) ? 'an object' : (await readDumpProgressOf(place)) ? 'an upload under way' : null;
  return taken === null ? null : `${Key} in bucket ${Bucket} is ${taken} already, of a run that began in the same second: start again`;
}

export async function discardDumpOf(place: InStore, run: string): Promise<void> {
  const { client, object, signal } = place;
  await removeParts(client, object);
  if ((await headOf(place))?.Metadata?.run === run) await client.send(new DeleteObjectCommand(object), { abortSignal: signal });
}

async function headOf({ client, object, signal }: InStore): Promise<HeadObjectCommandOutput | null> {
  try {
    return await client.send(new HeadObjectCommand({ ...object, ChecksumMode: 'ENABLED' }), { abortSignal: signal });
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

export async function readDumpProgressOf({ client, object, signal }: InStore): Promise<{ storedBytes: number } | null> {
  const options = { abortSignal: signal };
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: object.Bucket, Prefix: object.Key }), options);
  const upload = Uploads.find(({ Key, UploadId }) => Key === object.Key && UploadId);
  if (!upload) return null;
  let storedBytes = 0;
  try {
    // The library's paging goes on for ever with a store that names a next marker on its last page too.
    for (let marker: string | undefined; ;) {
      const wanted = { ...object, UploadId: upload.UploadId, ...(marker ? { PartNumberMarker: marker } : {}) };
      const { Parts = [], IsTruncated, NextPartNumberMarker } = await client.send(new ListPartsCommand(wanted), options);
      for (const { Size = 0 } of Parts) storedBytes += Size;
      if (!IsTruncated || !NextPartNumberMarker) break;
      marker = NextPartNumberMarker;
    }
  } catch (error) {
    // It has just ended.
    if (isAbsent(error)) return null;
    throw error;
  }
  return { storedBytes };
}
