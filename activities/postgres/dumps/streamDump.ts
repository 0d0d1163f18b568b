import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';

import type { ClientTools, OpenTool } from '../clientTools.ts';

export interface StreamedDump {
  sizeBytes: number;
  sha256: string;
  crc32: string;
}

export interface DumpStream {
  tools: ClientTools;
  /** Connection URL of the database; goes by environment. */
  url: string;
  application: string;
  /** Further arguments of pg_dump. */
  args: string[];
  body: Writable;
  signal: AbortSignal;
  /** Told how many bytes pg_dump has written. */
  onBytes: (bytes: number) => void;
}

/**
 * The archive goes from pg_dump into `body`, and on the way through a pg_restore that reads it to its end: header, list and every block of rows.
 * `pg_restore --list` would prove the list alone. `body` ends only when both have ended well: a writer that was interrupted never looks finished.
 * When it throws, neither process runs any more.
 */
export async function streamDump({ tools, url, application, args, body, signal, onBytes }: DumpStream): Promise<StreamedDump> {
  const stopping = new AbortController();
  const ends = AbortSignal.any([signal, stopping.signal]);
  const dump = tools.open('pg_dump', ['--format=custom', ...args], { url, application, signal: ends });
  dump.stdin.end();
  const reader = tools.open('pg_restore', ['--file=/dev/null'], { application, signal: ends });
  reader.stdout.resume();
  const hash = createHash('sha256');
  let [sizeBytes, crc] = [0, 0];
  async function* judged(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      crc = crc32(chunk, crc);
      sizeBytes += chunk.length;
      onBytes(sizeBytes);
      await give(reader, chunk);
      yield chunk;
    }
    await dump.done;
    reader.stdin.end();
    await reader.done;
  }
  try {
    await pipeline(dump.stdout, judged, body);
  } finally {
    stopping.abort();
    await Promise.allSettled([dump.done, reader.done]);
  }
  const crcBytes = Buffer.alloc(4);
  crcBytes.writeUInt32BE(crc);
  return { sizeBytes, sha256: hash.digest('hex'), crc32: crcBytes.toString('base64') };
}

/** Waits while the process is behind. Throws its failure when it has gone; one that has read all that it wants needs no more. */
async function give({ stdin, done }: OpenTool, chunk: Buffer): Promise<void> {
  if (!stdin.destroyed && stdin.write(chunk)) return;
  if (!stdin.destroyed) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const events = ['drain', 'close'] as const;
    for (const event of events) stdin.once(event, resolve);
    await promise;
    for (const event of events) stdin.removeListener(event, resolve);
  }
  if (stdin.destroyed) await done;
}
