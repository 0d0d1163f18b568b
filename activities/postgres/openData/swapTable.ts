import { setTimeout as pause } from 'node:timers/promises';

import type pg from 'pg';

import { failure } from '../../failure.ts';
import { objectsOf, type SchemaObject } from '../swap/catalog.ts';
import { dependentsOf } from '../swap/dependents.ts';
import { grantsLike } from '../swap/grants.ts';
import { literal, qualified, quoted } from '../identifiers.ts';
import { viewDefinitions } from '../learningContent/contentCatalog.ts';
import { defaultGrants } from '../swap/defaultGrants.ts';
import type { OpenDataReport } from './openData.contract.ts';

/** Exists inside the transaction alone. */
export const workSchema = 'nightshift_open_data';
const formerName = 'nightshift_former_open_data';
/** Below the second after which a server looks for deadlocks: we give way before it could choose a reader. */
const lockMs = 700;
const pauseMsMax = 3_000;

type Swap = Pick<OpenDataReport, 'rebound' | 'lost' | 'yielded' | 'lockedMs'>;

export interface TableSwap {
  schema: string;
  table: string;
  limitSeconds: number;
  signal: AbortSignal;
}

/** Puts the table of the work schema in the place of its namesake, inside the transaction under way; gives way to readers and tries again. */
export async function swapTable(client: pg.ClientBase, swap: TableSwap): Promise<Swap> {
  const { schema, table, limitSeconds, signal } = swap;
  const deadlineMs = performance.now() + limitSeconds * 1000;
  for (let yielded = 0; ; yielded += 1) {
    await client.query('savepoint swap');
    try {
      return { yielded, ...(await swapOnce(client, swap)) };
    } catch (error) {
      const { code } = error as { code?: string };
      // Statement cancelled at its limit, lock not available, deadlock.
      if (!code || !['57014', '55P03', '40P01'].includes(code) || signal.aborted) throw error;
      await client.query('rollback to savepoint swap');
      if (performance.now() > deadlineMs)
        throw failure(
          'TargetBusy',
          `no moment within ${limitSeconds} s in which ${table} was free; ${await blockersInWords(client, qualified(schema, table))}`,
        );
      await pause(Math.min(200 * (yielded + 1), pauseMsMax), undefined, { signal });
    }
  }
}

async function swapOnce(client: pg.ClientBase, { schema, table }: TableSwap): Promise<Omit<Swap, 'yielded'>> {
  await client.query(`set local statement_timeout = ${lockMs}`);
  const name = qualified(schema, table);
  const former = await formerTable(client, schema, table);
  const beganMs = performance.now();
  if (former) await lockAtOnce(client, [name, ...(await viewsOver(client, former)).map((view) => view.name)]);
  // Again under the locks: a view may have come in between. It is locked when it is defined anew.
  const views = former ? await viewsOver(client, former) : [];
  const lost = former ? await boundTo(client, former.oid) : [];
  const grants = former
    ? await grantsLike(client, { from: schema, to: workSchema })
    : await defaultGrants(client, { schema, workSchema, tables: [table] });
  for (const sql of grants) await client.query(sql);
  if (former) await client.query(`alter table ${name} rename to ${quoted(formerName)}`);
  await client.query(`alter table ${qualified(workSchema, table)} set schema ${quoted(schema)}`);
  for (const { name: view, sql } of views)
    try {
      await client.query(sql);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code === '57014') throw error;
      throw failure('BesideNotPossible', `view ${view} of other people cannot be bound to the new ${table}: ${message}`, {}, error);
    }
  if (former) await client.query(`drop table ${qualified(schema, formerName)}`);
  await client.query(`drop schema ${quoted(workSchema)}`);
  await client.query('set local statement_timeout = 0');
  return { rebound: views.map((view) => view.name), lost, lockedMs: Math.round(performance.now() - beganMs) };
}

async function formerTable(client: pg.ClientBase, schema: string, table: string): Promise<SchemaObject | null> {
  const relations = ['table', 'view', 'materialized view', 'foreign table', 'sequence'];
  const found = (await objectsOf(client, schema)).find(({ kind, name }) => name === table && relations.includes(kind));
  if (found && found.kind !== 'table')
    throw failure('BesideNotPossible', `in schema ${schema} stands a ${found.kind} ${table}, in the place of the table`);
  return found ?? null;
}

/** Throws BesideNotPossible when something else than a view would stay bound to the former table. */
async function viewsOver(client: pg.ClientBase, former: SchemaObject): Promise<{ name: string; sql: string }[]> {
  const dependents = await dependentsOf(client, [former]);
  const stuck = dependents.filter(({ relkind }) => relkind !== 'v');
  if (stuck.length > 0)
    throw failure(
      'BesideNotPossible',
      `these depend on ${former.name} and would keep the former one: ${stuck
        .slice(0, 20)
        .map(({ what }) => what)
        .join('; ')}`,
    );
  return viewDefinitions(
    client,
    dependents.map(({ oid }) => oid),
  );
}

async function boundTo(client: pg.ClientBase, oid: number): Promise<string[]> {
  const { rows } = await client.query<{ what: string }>(
    `select 'index ' || c.relname as what from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = $1::bigint::oid
     union all select 'trigger ' || tgname from pg_trigger where tgrelid = $1::bigint::oid and not tgisinternal order by 1`,
    [oid],
  );
  return rows.map(({ what }) => what);
}

/** One statement for all locks, so that one limit holds for all of them together. */
async function lockAtOnce(client: pg.ClientBase, relations: readonly string[]): Promise<void> {
  await client.query(
    `do $lock$ declare relation text; begin foreach relation in array array[${relations.map(literal).join(', ')}]::text[] loop execute 'lock table ' || relation || ' in access exclusive mode'; end loop; end $lock$`,
  );
}

/** Who holds locks on the table: for the operator who has to choose. */
async function blockersInWords(client: pg.ClientBase, relation: string): Promise<string> {
  const { rows } = await client.query<{ said: string }>(
    `select distinct format('pid %s (%s, %s, %s since %s)', a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'no name'), a.state, a.xact_start) as said
     from pg_locks l join pg_stat_activity a using (pid) where l.relation = to_regclass($1) and l.granted and a.pid <> pg_backend_pid() order by said limit 10`,
    [relation],
  );
  return rows.length === 0 ? 'no session holds it now' : `held by ${rows.map(({ said }) => said).join('; ')}`;
}
