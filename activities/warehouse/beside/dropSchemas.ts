import type pg from 'pg';

import { failure } from '../../failure.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import { isRelation, objectsOf, schemaExists } from '../swap/catalog.ts';
import { dependentsInWords, dependentsOf } from '../swap/dependents.ts';
import { giveWay, holdersInWords, lockAtOnce } from '../swap/giveWay.ts';

/** Drops a schema of ours with everything in it; refuses when anything outside depends on it, since CASCADE would take that too. */
export async function dropOwnSchema(target: pg.ClientBase, schema: string): Promise<void> {
  if (!(await schemaExists(target, schema))) return;
  const outside = await dependentsOf(target, await objectsOf(target, schema));
  if (outside.length > 0)
    throw failure('BesideNotPossible', `schema ${schema} cannot be dropped: these depend on it: ${dependentsInWords(outside)}`);
  await target.query(`drop schema ${quoted(schema)} cascade`);
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
      for (const object of await objectsOf(target, schema)) if (isRelation(object)) relations.push(qualified(schema, object.name));
    await lockAtOnce(target, relations);
    for (const schema of schemas) await dropOwnSchema(target, schema);
    await target.query('set local lock_timeout = 0');
    return work();
  });
}
