import type pg from 'pg';

import { failure } from '../../failure.ts';
import { requalify } from '../beside/dumpText.ts';
import { dependentsOf, type Dependent } from '../swap/dependents.ts';
import type { SchemaObject } from '../swap/catalog.ts';
import { qualified, quoted } from '../identifiers.ts';
import { loadSchemas } from './defineTable.ts';

const { load } = loadSchemas;

/** What hangs on a table that is about to be replaced. */
export interface BoundObjects {
  /** Views and routines with the statement that binds them again, once the new table has the name. */
  rebound: { name: string; sql: string; isView: boolean }[];
  /** Materialized views, by name: they are built anew beside. */
  materialized: string[];
}

/** Fails with BesideNotPossible when anything else hangs on the table, for example a foreign key. Call with an empty search_path. */
export async function boundObjects(target: pg.ClientBase, schema: string, table: string): Promise<BoundObjects> {
  const { rows: found } = await target.query<{ oid: string | null; relations: number; routines: number }>(
    `select to_regclass($1)::oid::bigint::text as oid, 'pg_class'::regclass::oid::int as relations, 'pg_proc'::regclass::oid::int as routines`,
    [qualified(schema, table)],
  );
  const [{ oid = null, relations = 0, routines = 0 } = {}] = found;
  if (oid === null) return { rebound: [], materialized: [] };
  const object = (kind: SchemaObject['kind'], of: number): SchemaObject => ({ kind, name: table, args: '', classId: relations, oid: of });
  const itself = object('table', Number(oid));
  const isMaterialized = ({ relkind }: Dependent): boolean => relkind === 'm';
  const materialized = (await dependentsOf(target, [itself])).filter(isMaterialized);
  const dependents = await dependentsOf(target, [itself, ...materialized.map((each) => object('materialized view', each.oid))]);
  const views = dependents.filter(({ relkind }) => relkind === 'v').map((each) => each.oid);
  const functions = dependents.filter(({ classId }) => classId === routines).map((each) => each.oid);
  const { rows } = await target.query<{ kind: string; name: string; schema: string; sql: string }>(
    `select 'view' as kind, v.oid::regclass::text as name, '' as schema, 'create or replace view ' || v.oid::regclass::text
        || case when v.reloptions is null then '' else ' with (' || array_to_string(v.reloptions, ', ') || ')' end || ' as ' || pg_get_viewdef(v.oid) as sql
      from pg_class v where v.oid = any($1::bigint[]::oid[])
     union all select 'routine', p.oid::regprocedure::text, '', pg_get_functiondef(p.oid) from pg_proc p where p.oid = any($2::bigint[]::oid[]) and p.prokind in ('f', 'p')
     union all select 'materialized', m.relname, n.nspname, '' from pg_class m join pg_namespace n on n.oid = m.relnamespace where m.oid = any($3::bigint[]::oid[])`,
    [views, functions, materialized.map((each) => each.oid)],
  );
  const known = rows.filter((row) => row.kind !== 'materialized' || row.schema === schema);
  const stuck = dependents.filter(({ relkind, classId }) => relkind !== 'v' && classId !== routines).map(({ what }) => what);
  if (stuck.length > 0 || known.length < views.length + functions.length + materialized.length)
    throw failure(
      'BesideNotPossible',
      `these depend on table ${table}, which would be replaced: ${(stuck.length > 0 ? stuck : dependents.map(({ what }) => what)).slice(0, 20).join('; ')}`,
    );
  return {
    rebound: known.flatMap(({ kind, name, sql }) => (kind === 'materialized' ? [] : [{ name, sql, isView: kind === 'view' }])),
    materialized: known.flatMap(({ kind, name }) => (kind === 'materialized' ? [name] : [])),
  };
}

/** Builds the materialized views of the table anew over the one that is being loaded, with their indexes. Repeatable. */
export async function buildMaterialized(target: pg.ClientBase, schema: string, table: string): Promise<void> {
  const { materialized } = await boundObjects(target, schema, table);
  for (const name of materialized) {
    const { rows } = await target.query<{ sql: string; filled: boolean; indexes: string[] | null }>(
      `select rtrim(pg_get_viewdef(oid), ';') as sql, relispopulated as filled, (select array_agg(pg_get_indexdef(indexrelid)) from pg_index where indrelid = c.oid) as indexes
       from pg_class c where oid = $1::regclass`,
      [qualified(schema, name)],
    );
    const [{ sql = '', filled = true, indexes = [] } = {}] = rows;
    const moved = (text: string): string => requalify(text, schema, load, (each) => each === table || each === name);
    await target.query('begin');
    await target.query(`drop materialized view if exists ${qualified(load, name)}`);
    await target.query(`create materialized view ${qualified(load, name)} as ${moved(sql)} with ${filled ? '' : 'no '}data`);
    for (const index of indexes ?? []) await target.query(moved(index));
    await target.query('commit');
  }
}

/** Runs what binds views and routines to the table that has the name now. */
export async function bindAgain(target: pg.ClientBase, { rebound }: BoundObjects): Promise<void> {
  for (const { name, sql } of rebound) {
    try {
      await target.query(sql);
    } catch (error) {
      throw failure('BesideNotPossible', `${name} cannot be bound to the new table: ${(error as Error).message}`, {}, error);
    }
  }
}

/** For LOCK, which takes tables and views. */
export function lockNames(schema: string, table: string, { rebound }: BoundObjects): string {
  return [`${quoted(schema)}.${quoted(table)}`, ...rebound.flatMap(({ name, isView }) => (isView ? [name] : []))].join(', ');
}
