import type pg from 'pg';

import type { Connections } from '../connections.ts';
import { qualified } from '../identifiers.ts';
import { applicationOf } from '../sessionNames.ts';
import { objectsOf } from '../swap/catalog.ts';
import { giveWay, holdersInWords, lockAtOnce } from '../swap/giveWay.ts';
import { besideSchemas, type BesideCopy } from './beside.contract.ts';
import { ensureBookkeeping, forgetRuns } from './bookkeeping.ts';
import { dropOwnSchema } from './dropOwnSchema.ts';

/** Well within the limit of the activity that calls it. */
const limitSeconds = 300;

/** Drops the schema `next` and forgets the replica's runs, in one transaction. */
export async function discardBesideOf({ session }: Connections, copy: BesideCopy, signal: AbortSignal): Promise<void> {
  await session(copy.target, { application: applicationOf(copy, 'discard'), signal }, async (target) => {
    await ensureBookkeeping(target);
    await whenUnread(target, { schemas: [besideSchemas.next], limitSeconds, signal }, () => forgetRuns(target, copy.replica));
  });
}

/**
 * Drops schemas of ours, then does the work in the same transaction, as soon as nobody reads what is dropped: a former copy may have readers who began before
 * the swap, and whoever came after a DROP that waits would wait with it. Fails with TargetBusy, naming them, when the limit is over.
 */
export async function whenUnread<Result>(
  target: pg.ClientBase,
  { schemas, limitSeconds, signal }: { schemas: readonly string[]; limitSeconds: number; signal: AbortSignal },
  work: () => Promise<Result>,
): Promise<Result> {
  await target.query("set search_path = ''");
  const holders = (): Promise<string> => holdersInWords(target, { schemas });
  const what = `what is to be dropped (${schemas.join(', ')}) was`;
  return giveWay(target, { within: 'transaction', limitSeconds, signal, what, holders }, async () => {
    const relations: string[] = [];
    for (const schema of schemas)
      for (const { kind, name } of await objectsOf(target, schema))
        if (kind === 'table' || kind === 'view') relations.push(qualified(schema, name));
    await lockAtOnce(target, relations);
    for (const schema of schemas) await dropOwnSchema(target, schema);
    await target.query('set local lock_timeout = 0');
    return work();
  });
}
