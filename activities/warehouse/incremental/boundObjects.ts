import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import { failure } from '../../failure.ts';
import { requalify } from '../beside/dumpText.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import type { SchemaObject } from '../swap/catalog.ts';
import { dependentsInWords, dependentsOf, type Dependent } from '../swap/dependents.ts';
import { viewDefinitions, type Bound, type Rebinding } from '../swap/views.ts';

const { load } = ownSchemas;

/** What hangs on a table that is about to be replaced. */
export interface BoundObjects extends Bound {
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
  if (oid === null) return { views: [], routines: [], materialized: [] };
  const object = (kind: SchemaObject['kind'], of: number): SchemaObject => ({ kind, name: table, args: '', classId: relations, oid: of });
  const itself = object('table', Number(oid));
  const isMaterialized = ({ relkind }: Dependent): boolean => relkind === 'm';
  const materialized = (await dependentsOf(target, [itself])).filter(isMaterialized);
  const dependents = await dependentsOf(target, [itself, ...materialized.map((each) => object('materialized view', each.oid))]);
  const views = await viewDefinitions(
    target,
    dependents.filter(({ relkind }) => relkind === 'v').map((each) => each.oid),
  );
  const functions = dependents.filter(({ classId }) => classId === routines).map((each) => each.oid);
  const { rows: bodies } = await target.query<Rebinding>(
    `select p.oid::regprocedure::text as name, pg_get_functiondef(p.oid) as sql from pg_proc p where p.oid = any($1::bigint[]::oid[]) and p.prokind in ('f', 'p')`,
    [functions],
  );
  const { rows: beside } = await target.query<{ name: string }>(
    `select relname as name from pg_class where oid = any($1::bigint[]::oid[]) and relnamespace = to_regnamespace($2)`,
    [materialized.map((each) => each.oid), quoted(schema)],
  );
  const stuck = dependents.filter(({ relkind, classId }) => relkind !== 'v' && classId !== routines);
  if (stuck.length > 0 || bodies.length < functions.length || beside.length < materialized.length)
    throw failure(
      'BesideNotPossible',
      `these depend on table ${table}, which would be replaced: ${dependentsInWords(stuck.length > 0 ? stuck : [...dependents, ...materialized])}`,
    );
  return { views, routines: bodies, materialized: beside.map(({ name }) => name) };
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
