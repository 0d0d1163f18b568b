import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

export const stdoutBytesMax = 1024 * 1024;
export const stderrTailBytesMax = 8 * 1024;

export interface KeptOutput {
  readonly text: string;
  readonly truncated: boolean;
  /** Resolves when the stream has ended, also when it ended badly: what was kept then stands. */
  readonly ended: Promise<void>;
}

/** Reads the stream to its end, keeping its first bytes only. */
export function keepHead(stream: Readable, bytesMax: number): KeptOutput {
  const chunks: Buffer[] = [];
  let keptBytes = 0;
  let truncated = false;
  stream.on('data', (chunk: Buffer) => {
    const part = chunk.subarray(0, bytesMax - keptBytes);
    if (part.length < chunk.length) truncated = true;
    if (part.length === 0) return;
    // A copy: a part of a pooled buffer would keep the whole pool in memory.
    chunks.push(Buffer.from(part));
    keptBytes += part.length;
  });
  return keptOutput(
    stream,
    () => Buffer.concat(chunks).toString('utf8'),
    () => truncated,
  );
}

/** Reads the stream to its end, keeping its last bytes only. */
export function keepTail(stream: Readable, bytesMax: number): KeptOutput {
  let kept = Buffer.alloc(0);
  let truncated = false;
  stream.on('data', (chunk: Buffer) => {
    if (kept.length + chunk.length > bytesMax) truncated = true;
    kept = Buffer.concat([kept, chunk.subarray(-bytesMax)]).subarray(-bytesMax);
  });
  return keptOutput(
    stream,
    () => kept.toString('utf8'),
    () => truncated,
  );
}

function keptOutput(stream: Readable, text: () => string, truncated: () => boolean): KeptOutput {
  const ended = finished(stream, { writable: false }).catch(() => {});
  return {
    get text() {
      return text();
    },
    get truncated() {
      return truncated();
    },
    ended,
  };
}
