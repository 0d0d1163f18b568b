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

/** What is bound to tables and can be bound to others. */
export interface Bound {
  views: Rebinding[];
  routines: Rebinding[];
}

/** Views over the objects. Throws BesideNotPossible, its message beginning with `refusal`, when something else would stay bound to them. */
export async function viewsOver(client: pg.ClientBase, objects: readonly SchemaObject[], refusal: string): Promise<Bound> {
  const dependents = await dependentsOf(client, objects);
  const stuck = dependents.filter(({ relkind }) => relkind !== 'v');
  if (stuck.length > 0) throw failure('BesideNotPossible', `${refusal}: ${dependentsInWords(stuck)}`);
  const oids = dependents.map(({ oid }) => oid);
  return { views: await viewDefinitions(client, oids), routines: [] };
}

/**
 * Locks the relations and the views that are bound to them, all at once, and answers what is bound and when readers began to wait (performance.now()). It is looked
 * for again under the locks: a view may have come in between.
 */
export async function lockWithBound<Found extends Bound>(
  client: pg.ClientBase,
  relations: readonly string[],
  find: () => Promise<Found>,
): Promise<{ bound: Found; beganMs: number }> {
  const locked = [...relations, ...(await find()).views.map(({ name }) => name)];
  const beganMs = await lockAtOnce(client, locked);
  const bound = await find();
  const late = bound.views.map(({ name }) => name).filter((name) => !locked.includes(name));
  await lockAtOnce(client, late);
  return { bound, beganMs };
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
