import type { Connections } from '../../postgres/connections.ts';
import type { BesideCopy, SwapReport } from './beside.contract.ts';
import { ensureBookkeeping, readCheckpoint } from './bookkeeping.ts';
import { readSettled } from '../ownTables.ts';
import { applicationOf } from '../sessionNames.ts';

/** The mark that a swap, or its undo, leaves in its own transaction: there, or it was not done. One that is just being committed is waited for. */
export async function readSwapOf(
  { session }: Connections,
  copy: BesideCopy,
  act: 'swap' | 'undo',
  signal: AbortSignal,
): Promise<SwapReport | null> {
  return session(copy.target, { application: applicationOf(copy, 'swapped'), signal }, async (target) => {
    await ensureBookkeeping(target);
    const done = await readSettled(target, 'copy_checkpoint', () => readCheckpoint(target, copy, act));
    return done ? (done.facts as SwapReport) : null;
  });
}
