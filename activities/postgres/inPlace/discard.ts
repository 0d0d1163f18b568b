import { readdir, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';

import { checkpoints, forgetTaken, ownerOf, readTaken } from './empty.ts';
import { ensureBookkeeping, writeCheckpoint } from '../beside/bookkeeping.ts';
import { applicationOf } from '../beside/snapshot.ts';
import type { InPlaceContext } from './dump.ts';
import type { InPlaceCopy, InPlaceOutcome } from './inPlace.contract.ts';
import { endKept } from './keptTool.ts';
import { removeRun, sizeOf, workFilesOf } from './workFiles.ts';

/**
 * What a run leaves: nothing on the worker (PX-18), except the dump of a target that is half full. In the target only what others lost and nobody could make
 * again stays written down.
 */
export async function discardInPlaceOf(
  context: InPlaceContext,
  copy: InPlaceCopy,
  outcome: InPlaceOutcome,
): Promise<{ dump: string | null }> {
  const { connections, workDirectory } = context;
  const { directory, dump } = workFilesOf(workDirectory, copy);
  const mine = (name: string): Parameters<typeof endKept>[1] => ({
    ...{ directory, name, application: applicationOf(copy, name) },
    server: name === 'dump' ? copy.source : copy.target,
  });
  const errors: unknown[] = [];
  // Files go even when a server does not answer.
  for (const name of ['dump', 'define', 'restore']) await endKept(context, mine(name)).catch((error: unknown) => errors.push(error));
  if (outcome === 'halfFull') {
    if (errors.length > 0) throw errors[0];
    return { dump: (await sizeOf(dump)) === null ? null : dump };
  }
  await removeRun(workDirectory, copy);
  await removeWhenEmpty(dirname(directory));
  if (errors.length > 0) throw errors[0];
  if (outcome === 'replaced')
    await connections.session(copy.target, { application: applicationOf(copy, 'discard') }, async (target) => {
      await ensureBookkeeping(target);
      const left = await readTaken(target, copy);
      await target.query('begin');
      await forgetTaken(target, copy);
      if (left.views.length > 0) await writeCheckpoint(target, ownerOf(copy), checkpoints.emptied, { facts: left });
      await target.query('commit');
    });
  return { dump: null };
}

async function removeWhenEmpty(path: string): Promise<void> {
  const names = await readdir(path).catch(() => ['gone']);
  if (names.length === 0) await rmdir(path).catch(() => undefined);
}
