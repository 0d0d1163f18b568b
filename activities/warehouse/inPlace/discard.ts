import { readdir, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';

import type pg from 'pg';

import { checkpoints, forgetTaken, ownerOf, readTaken } from './empty.ts';
import { ensureBookkeeping, readCheckpoint, writeCheckpoint } from '../beside/bookkeeping.ts';
import { applicationOf } from '../sessionNames.ts';
import type { InPlaceContext } from './dump.ts';
import type { InPlaceCopy, InPlaceOutcome } from './inPlace.contract.ts';
import { endKept } from './keptTool.ts';
import { removeRun, sizeOf, workFilesOf } from './workFiles.ts';

/**
 * What a run leaves: nothing on the worker, except the dump of a target that is half full. In the target only what others lost and nobody could make
 * again stays written down.
 */
export async function discardInPlaceOf(
  context: InPlaceContext,
  copy: InPlaceCopy,
  outcome: InPlaceOutcome,
): Promise<{ halfFull: boolean; dump: string | null }> {
  const { connections, workDirectory } = context;
  const { directory, dump } = workFilesOf(workDirectory, copy);
  const onTarget = <Result>(work: (target: pg.Client) => Promise<Result>): Promise<Result> =>
    connections.session(copy.target, { application: applicationOf(copy, 'discard') }, async (target) => {
      await ensureBookkeeping(target);
      return work(target);
    });
  // First of all the tools: nothing may be written any more when the marks are read.
  const ends = ['dump', 'define', 'restore'].map((name) =>
    endKept(context, { directory, name, application: applicationOf(copy, name), server: name === 'dump' ? copy.source : copy.target }),
  );
  const errors = (await Promise.allSettled(ends)).flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
  const emptied = await onTarget((target) => readCheckpoint(target, ownerOf(copy), checkpoints.emptied));
  if (outcome === 'notReplaced' && emptied) return { halfFull: true, dump: (await sizeOf(dump)) === null ? null : dump };
  await removeRun(workDirectory, copy);
  await removeWhenEmpty(dirname(directory));
  if (outcome === 'replaced')
    await onTarget(async (target) => {
      const left = await readTaken(target, copy);
      await target.query('begin');
      await forgetTaken(target, copy);
      // Under no run's name: it waits for the next one, and no run goes on from it.
      if (left.views.length > 0) await writeCheckpoint(target, ownerOf({ ...copy, run: 'left' }), checkpoints.emptied, { facts: left });
      await target.query('commit');
    });
  if (errors.length > 0) throw errors[0];
  return { halfFull: false, dump: null };
}

async function removeWhenEmpty(path: string): Promise<void> {
  const names = await readdir(path).catch(() => ['gone']);
  if (names.length === 0) await rmdir(path).catch(() => undefined);
}
