import type pg from 'pg';

import { failure } from '../../failure.ts';
import { objectInWords, objectsOf, type SchemaObject } from '../swap/catalog.ts';
import { contentTableNames } from './learningContent.contract.ts';

const names = new Set<string>(contentTableNames);

/** Those of the eight that stand in the schema. Throws BesideNotPossible when something that is no table has one of the names. */
export async function findContentTables(client: pg.ClientBase, schema: string): Promise<SchemaObject[]> {
  const relations = (await objectsOf(client, schema)).filter(
    ({ kind, name }) => names.has(name) && ['table', 'view', 'materialized view', 'foreign table', 'sequence'].includes(kind),
  );
  const others = relations.filter(({ kind }) => kind !== 'table');
  if (others.length > 0)
    throw failure(
      'BesideNotPossible',
      `in schema ${schema} stands, in the place of a table of the learning content: ${others.map(objectInWords).join('; ')}`,
    );
  return relations;
}

/** Statements that define the views anew, every schema written out, in an order in which each finds the others. Call with an empty search_path. */
export async function viewDefinitions(client: pg.ClientBase, oids: readonly number[]): Promise<{ name: string; sql: string }[]> {
  const { rows } = await client.query<{ name: string; sql: string }>(
    `select v.oid::regclass::text as name,
       format('create or replace view %s%s as %s', v.oid::regclass, ' with (' || array_to_string(v.reloptions, ', ') || ')', pg_get_viewdef(v.oid)) as sql
     from pg_class v where v.oid = any($1::bigint[]::oid[]) order by v.oid`,
    [oids],
  );
  return rows;
}

/** Who holds locks on the tables: for the operator who has to choose. */
export async function blockersInWords(
  client: pg.ClientBase,
  { schema, previousSchema }: { schema: string; previousSchema: string },
): Promise<string> {
  const { rows } = await client.query<{ said: string }>(
    `select distinct format('pid %s (%s, %s, %s since %s)', a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'no name'), a.state, a.xact_start) as said
     from pg_locks l join pg_stat_activity a using (pid) join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any($1::text[]) and c.relname = any($2::text[]) and l.granted and a.pid <> pg_backend_pid() order by said limit 10`,
    [[schema, previousSchema], contentTableNames],
  );
  return rows.length === 0 ? 'no session holds it now' : `held by ${rows.map(({ said }) => said).join('; ')}`;
}
