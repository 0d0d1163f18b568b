import { ownSchemas } from '../warehouse.contract.ts';
import type { Connections } from '../../postgres/connections.ts';
import { applicationOf } from '../sessionNames.ts';
import { type BesideCopy } from './beside.contract.ts';
import { ensureBookkeeping, forgetRuns } from './bookkeeping.ts';
import { whenUnread } from './dropSchemas.ts';

/** Well within the limit of the activity that calls it. */
const limitSeconds = 300;

/** Drops the schema `next` and forgets the replica's runs, in one transaction. */
export async function discardBesideOf({ session }: Connections, copy: BesideCopy, signal: AbortSignal): Promise<void> {
  await session(copy.target, { application: applicationOf(copy, 'discard'), signal }, async (target) => {
    await ensureBookkeeping(target);
    await whenUnread(target, { schemas: [ownSchemas.next], limitSeconds, signal }, () => forgetRuns(target, copy.replica));
  });
}
