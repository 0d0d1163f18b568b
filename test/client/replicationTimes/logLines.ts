import { readReplicationTimes } from '../../../client/replicationTimes/readReplicationTimes.ts';
import type { RunTimes } from '../../../client/replicationTimes/readReplicationTimes.ts';

/** Lines in chunks of that many bytes. */
export function read(lines: readonly string[] | Buffer, chunkBytes = 1_000_000): ReturnType<typeof readReplicationTimes> {
  const bytes = Buffer.isBuffer(lines) ? lines : Buffer.from(lines.map((line) => `${line}\n`).join(''));
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let from = 0; from < bytes.length; from += chunkBytes) yield await Promise.resolve(bytes.subarray(from, from + chunkBytes));
  }
  return readReplicationTimes(chunks());
}

export async function runsOf(...lines: string[]): Promise<RunTimes[]> {
  return (await read(lines)).runs;
}

/** A line as the platform prefixes it. */
export const at = (time: string, text: string): string => `2020-10-22 ${time}.123456 +0200 CEST [background-1] ${text}`;
