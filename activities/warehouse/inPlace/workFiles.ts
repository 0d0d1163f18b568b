import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { failure } from '../../failure.ts';
import type { InPlaceCopy, ProvenDump } from './inPlace.contract.ts';

/** Facts of the source as they were right before the dump, by the identity that entries of its archive carry. */
export interface SourceFacts {
  begunAt: string;
  /** Keys (swap/catalog.ts) of all that the dump brings back. */
  wanted: string[];
  /** Table by object id. */
  tables: Record<string, string>;
  /** "class/oid" of indexes, constraints, triggers … → a key that is the same on the target. */
  parts: Record<string, string>;
  /** "class/oid" of types by name. */
  types: Record<string, string>;
  /** "class/oid" of foreign keys that point to a kept table, with their names. */
  keysToKept: Record<string, string>;
}

/** What the archive holds, read from the archive itself. */
export interface DumpContent {
  rows: Record<string, number>;
  sequences: Record<string, { last: string; called: boolean }>;
}

export interface DumpMarker extends ProvenDump {
  replica: string;
  run: string;
  content: DumpContent;
}

/** Files of one run on the worker. */
export interface WorkFiles {
  directory: string;
  dump: string;
  facts: string;
  marker: string;
  list: string;
}

export function workFilesOf(workDirectory: string, { replica, run }: Pick<InPlaceCopy, 'replica' | 'run'>): WorkFiles {
  for (const name of [replica, run])
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw failure('InvalidInput', `"${name}" is not the name of a replica or run`);
  const directory = join(workDirectory, replica, run);
  const file = (name: string): string => join(directory, name);
  return { directory, dump: file('data.dump'), facts: file('facts.json'), marker: file('dump.json'), list: file('restore.list') };
}

export async function ensureDirectory({ directory }: WorkFiles): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
}

export async function readJson<Value>(path: string): Promise<Value | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Value;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Whole or not at all: a reader never sees half of it. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(`${path}.partial`, JSON.stringify(value), { mode: 0o600 });
  await rename(`${path}.partial`, path);
}

export async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Folders of the replica's other runs: what they left is superseded by the next proven dump. */
export async function otherRuns(workDirectory: string, { replica, run }: Pick<InPlaceCopy, 'replica' | 'run'>): Promise<string[]> {
  const names = await readdir(join(workDirectory, replica)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => name !== run);
}

export async function removeRun(workDirectory: string, owner: Pick<InPlaceCopy, 'replica' | 'run'>): Promise<void> {
  await rm(workFilesOf(workDirectory, owner).directory, { recursive: true, force: true });
}
