import { writeFile } from 'node:fs/promises';

import type pg from 'pg';

import { failure } from '../../failure.ts';
import { readCheckpoint, writeCheckpoint } from '../beside/bookkeeping.ts';
import { applicationOf } from '../sessionNames.ts';
import { qualified } from '../../postgres/identifiers.ts';
import { chooseEntries, type ChosenList } from './archiveList.ts';
import { openDump, type InPlaceContext, type OpenDump } from './dump.ts';
import { checkpoints, dropHalfDefined, ownerOf, readTaken } from './empty.ts';
import type { InPlaceCopy, RestoredPart } from './inPlace.contract.ts';
import { endKept, runKept, type KeptTool } from './keptTool.ts';
import { judgeRestore } from './restoreErrors.ts';
import { partsOf } from './sourceFacts.ts';
import { workFilesOf } from './workFiles.ts';

interface Attendance {
  idleSeconds: number;
  signal: AbortSignal;
}

/** Tables, types, functions, views: quick and without rows, so that an attempt that broke off is dropped and made again. */
export async function defineInPlaceOf(
  context: InPlaceContext,
  copy: InPlaceCopy,
  { idleSeconds, signal }: Attendance,
): Promise<RestoredPart | null> {
  const dump = await openDump(context, copy);
  if (!dump) return null;
  const kept = keptRestore(context, copy, 'define', { idleSeconds });
  kept.args = restoreArguments(context, copy, ['--section=pre-data']);
  const onTarget = <Result>(work: (target: pg.Client) => Promise<Result>): Promise<Result> =>
    context.connections.session(copy.target, { application: applicationOf(copy, 'defining'), signal }, work);
  const former = await onTarget((target) => readCheckpoint(target, ownerOf(copy), checkpoints.defined));
  if (former) return former.facts as RestoredPart;
  await endKept(context, kept);
  const list = await onTarget(async (target) => {
    await dropHalfDefined(target, copy, dump.facts);
    return chooseNow(context, copy, dump, target, false);
  });
  await writeFile(workFilesOf(context.workDirectory, copy).list, list.text, { mode: 0o600 });
  const ended = await runKept(context, kept, signal);
  if (!ended) throw failure('CommandFailed', 'pg_restore of the definitions died without a message: check the memory of the worker');
  const done: RestoredPart = { items: list.items, stood: 0, warnings: [...judgeRestore(ended), ...list.leftOut] };
  await onTarget((target) => writeCheckpoint(target, ownerOf(copy), checkpoints.defined, { facts: done }));
  return done;
}

/**
 * Rows, then keys and indexes, in parallel. What stands is left out: a COPY is there as a whole or not at all, and so is an index. A pg_restore that an
 * attempt before began is waited for.
 */
export async function restoreInPlaceOf(
  context: InPlaceContext,
  copy: InPlaceCopy,
  { jobs, memoryMegabytes, idleSeconds, signal }: Attendance & { jobs: number; memoryMegabytes: number },
): Promise<RestoredPart | null> {
  const dump = await openDump(context, copy);
  if (!dump) return null;
  const kept = keptRestore(context, copy, 'restore', { idleSeconds, memoryMegabytes });
  kept.args = restoreArguments(context, copy, ['--section=data', '--section=post-data', `--jobs=${jobs}`]);
  let ended = await runKept(context, kept, signal, { onlyWhenUnderWay: true });
  const read = (): Promise<ChosenList> =>
    context.connections.session(copy.target, { application: applicationOf(copy, 'standing'), signal }, (target) =>
      chooseNow(context, copy, dump, target, true),
    );
  let list = await read();
  if (!ended || ended.exitCode !== 0) {
    await endKept(context, kept);
    list = await read();
    await writeFile(workFilesOf(context.workDirectory, copy).list, list.text, { mode: 0o600 });
    ended = await runKept(context, kept, signal);
  }
  if (!ended) throw failure('CommandFailed', 'pg_restore died without a message: check the memory of the worker');
  return { items: list.items, stood: list.stood, warnings: [...judgeRestore(ended), ...list.leftOut] };
}

/** The list as it is to be played now: after an attempt that broke off, without what stands. */
export async function chooseNow(
  context: InPlaceContext,
  copy: InPlaceCopy,
  { facts, marker }: OpenDump,
  target: pg.ClientBase,
  resumed: boolean,
): Promise<ChosenList> {
  const files = workFilesOf(context.workDirectory, copy);
  const sections = resumed ? ['--section=data', '--section=post-data'] : ['--section=pre-data'];
  const list = await context.tools.run('pg_restore', ['--list', ...sections, files.dump], { application: applicationOf(copy, 'list') });
  const { sharedTypes } = await readTaken(target, copy);
  const filled = new Set<string>();
  for (const [table, rows] of resumed ? Object.entries(marker.content.rows) : [])
    if (rows > 0 && (await hasRows(target, copy.schema, table))) filled.add(table);
  const standing = resumed ? new Set((await partsOf(target, copy)).values()) : new Set<string>();
  return chooseEntries(list, { foreignKeys: copy.foreignKeys, sharedTypes, facts, standing, filled });
}

async function hasRows(target: pg.ClientBase, schema: string, table: string): Promise<boolean> {
  const { rows } = await target.query<{ there: boolean }>(`select exists (select from only ${qualified(schema, table)}) as there`);
  return rows[0]?.there ?? false;
}

function keptRestore(
  { workDirectory }: InPlaceContext,
  copy: InPlaceCopy,
  name: string,
  { idleSeconds, memoryMegabytes }: { idleSeconds: number; memoryMegabytes?: number },
): KeptTool {
  return {
    name,
    directory: workFilesOf(workDirectory, copy).directory,
    tool: 'pg_restore',
    server: copy.target,
    args: [],
    idleSeconds,
    application: applicationOf(copy, name),
    settings: { synchronous_commit: 'off', ...(memoryMegabytes ? { maintenance_work_mem: `${memoryMegabytes}MB` } : {}) },
  };
}

/** An empty --dbname: the database's name comes by the environment, with the rest of the URL. */
function restoreArguments({ workDirectory }: InPlaceContext, copy: InPlaceCopy, parts: readonly string[]): string[] {
  const { list, dump } = workFilesOf(workDirectory, copy);
  return ['--dbname=', '--no-owner', '--no-privileges', '--verbose', `--use-list=${list}`, ...parts, dump];
}
