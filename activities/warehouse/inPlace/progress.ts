import type { InPlaceCopy, InPlaceProgress } from './inPlace.contract.ts';
import { readKeptLog } from './keptTool.ts';
import { sizeOf, workFilesOf } from './workFiles.ts';

/** From the run's files: size of the dump, and what pg_restore said with --verbose. */
export async function readProgressOf(workDirectory: string, copy: InPlaceCopy): Promise<InPlaceProgress | null> {
  const { directory, dump, facts } = workFilesOf(workDirectory, copy);
  if ((await sizeOf(facts)) === null) return null;
  const log = await readKeptLog(directory, 'restore');
  return { dumpBytes: (await sizeOf(dump)) ?? (await sizeOf(`${dump}.partial`)) ?? 0, ...countItems(log) };
}

/** With several jobs each item is launched and finished; with one it is only begun. The entry of the whole is none. */
export function countItems(log: string): { itemsDone: number; items: number } {
  const count = (pattern: RegExp): number => log.match(pattern)?.length ?? 0;
  const [launched, finished] = [count(/^pg_restore: launching item /gm), count(/^pg_restore: finished item /gm)];
  if (launched > 0) return { itemsDone: finished, items: launched };
  const begun = count(/^pg_restore: (?:creating|processing data for|executing) /gm);
  return { itemsDone: Math.max(0, begun - 1), items: begun };
}
