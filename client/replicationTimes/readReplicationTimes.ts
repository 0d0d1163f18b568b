import { open } from 'node:fs/promises';

import { createLogScanner, type LogEvents } from './logScanner.ts';
import type { ReplicationTimes } from './replicationTimes.contract.ts';
import { createRunCollector } from './runCollector.ts';

const chunkBytes = 1024 * 1024;

/** Reads a whole log. @param source a file's path, or a stream of chunks such as standard input. */
export async function readReplicationTimes(source: string | AsyncIterable<Buffer>): Promise<ReplicationTimes> {
  const collector = createRunCollector(() => scanner.lastTime());
  const scanner = createLogScanner(collector.events satisfies LogEvents);
  let sizeBytes = 0;
  for await (const chunk of typeof source === 'string' ? chunksOf(source) : source) {
    sizeBytes += chunk.length;
    scanner.push(chunk);
  }
  scanner.end();
  return { ...collector.finish(), sizeBytes };
}

/** Always the same memory: a chunk is gone when the next one is asked for. */
async function* chunksOf(file: string): AsyncGenerator<Buffer> {
  const handle = await open(file);
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, chunkBytes, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
