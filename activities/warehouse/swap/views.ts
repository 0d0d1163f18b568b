import type pg from 'pg';

import { failure } from '../../failure.ts';
import type { SchemaObject } from './catalog.ts';
import { dependentsInWords, dependentsOf } from './dependents.ts';
import { isBusy, lockAtOnce } from './giveWay.ts';

/** Something that is bound to a table, and the statement that binds it to the table that has the name now. */
export interface Rebinding {
  /** As it stands in SQL. */
  name: string;
  sql: string;
}

/** Definitions of views with every schema written out, in an order in which each finds the others. Call with an empty search_path. */
export async function viewDefinitions(client: pg.ClientBase, oids: readonly number[]): Promise<Rebinding[]> {
  const { rows } = await client.query<Rebinding>(
    `select v.oid::regclass::text as name,
       format('create or replace view %s%s as %s', v.oid::regclass, ' with (' || array_to_string(v.reloptions, ', ') || ')', pg_get_viewdef(v.oid)) as sql
     from pg_class v where v.oid = any($1::bigint[]::oid[]) order by v.oid`,
    [oids],
  );
  return rows;
}

/** Views over the objects. Throws BesideNotPossible, its message beginning with `refusal`, when something else would stay bound to them. */
async function viewsOver(client: pg.ClientBase, objects: readonly SchemaObject[], refusal: string): Promise<Rebinding[]> {
  const dependents = await dependentsOf(client, objects);
  const stuck = dependents.filter(({ relkind }) => relkind !== 'v');
  if (stuck.length > 0) throw failure('BesideNotPossible', `${refusal}: ${dependentsInWords(stuck)}`);
  return viewDefinitions(
    client,
    dependents.map(({ oid }) => oid),
  );
}

/**
 * Locks the relations and the views over the objects, all at once, and answers the views and when readers began to wait (performance.now()). The views are
 * looked for again under the locks: one may have come in between. Throws BesideNotPossible, its message beginning with `refusal`, when something else than a view would stay bound to the objects.
 */
export async function lockWithViews(
  client: pg.ClientBase,
  { relations, objects, refusal }: { relations: readonly string[]; objects: readonly SchemaObject[]; refusal: string },
): Promise<{ views: Rebinding[]; beganMs: number }> {
  const namesOf = async (): Promise<string[]> => (await viewsOver(client, objects, refusal)).map(({ name }) => name);
  const locked = [...relations, ...(await namesOf())];
  const beganMs = await lockAtOnce(client, locked);
  const views = await viewsOver(client, objects, refusal);
  await lockAtOnce(
    client,
    views.map(({ name }) => name).filter((name) => !locked.includes(name)),
  );
  return { views, beganMs };
}

/** Binds each to the tables that have the names now. Fails with BesideNotPossible, naming what cannot be bound to `what`. */
export async function bindAgain(client: pg.ClientBase, bound: readonly Rebinding[], what: string): Promise<void> {
  for (const { name, sql } of bound)
    try {
      await client.query(sql);
    } catch (error) {
      if (isBusy(error)) throw error;
      const { message, hint } = error as { message: string; hint?: string };
      throw failure('BesideNotPossible', `${name} cannot be bound to ${what}: ${hint ? `${message}; ${hint}` : message}`, {}, error);
    }
}
