import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

import { failure } from '../../failure.ts';
import type { ClientTools } from '../../postgres/clientTools.ts';
import { applicationOf } from '../sessionNames.ts';
import { openCopyCounter } from './copyCounter.ts';
import type { InPlaceCopy } from './inPlace.contract.ts';
import type { DumpContent } from './workFiles.ts';

/** Reads every block of an archive as a restore would, in flat memory: rows per table and sequence positions, with the file's SHA-256. */
export async function readArchive(
  tools: ClientTools,
  path: string,
  copy: InPlaceCopy,
  { signal, onRows }: { signal: AbortSignal; onRows: (rows: number) => void },
): Promise<{ sha256: string; content: DumpContent }> {
  const counter = openCopyCounter();
  const script = tools.open('pg_restore', ['--section=data', '--file=-', path], { application: applicationOf(copy, 'prove'), signal });
  script.stdin.end();
  const reading = (async () => {
    for await (const chunk of script.stdout as AsyncIterable<Buffer>) onRows(counter.push(chunk));
  })();
  const [sha256] = await Promise.all([checksumOf(path, signal), reading, script.done]);
  const { content, open } = counter.end();
  if (open !== null) throw failure('ArchiveFailed', `the dump ends in the middle of table ${open}`);
  return { sha256, content };
}

export async function checksumOf(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, { signal });
  return hash.digest('hex');
}
