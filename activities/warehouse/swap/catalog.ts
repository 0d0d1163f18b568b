import type pg from 'pg';

import { quoted } from '../../postgres/identifiers.ts';

export type ObjectKind =
  | 'table'
  | 'view'
  | 'materialized view'
  | 'foreign table'
  | 'sequence'
  | 'type'
  | 'domain'
  | 'routine'
  | 'operator'
  | 'collation'
  | 'statistics'
  | 'text search configuration'
  | 'text search dictionary';

/** An object of a schema that moves on its own; indexes, constraints and owned sequences go with their table. */
export interface SchemaObject {
  kind: ObjectKind;
  name: string;
  /** Arguments of a routine or operator, with every schema written out; empty for the rest. */
  args: string;
  classId: number;
  oid: number;
}

/** As much of it as its statements need. */
export type NamedObject = Pick<SchemaObject, 'kind' | 'name' | 'args'>;

/** Objects that the method cannot move, in words. */
const immovable = `
  select 'operator class ' || opcname as what from pg_opclass where opcnamespace = $1::regnamespace and not exists (select from pg_depend where classid = 'pg_opclass'::regclass and objid = pg_opclass.oid and deptype = 'e')
  union all
  select 'conversion ' || conname from pg_conversion where connamespace = $1::regnamespace
  union all
  select 'text search parser ' || prsname from pg_ts_parser where prsnamespace = $1::regnamespace
  union all
  select 'text search template ' || tmplname from pg_ts_template where tmplnamespace = $1::regnamespace`;

const movable = `
  select case c.relkind when 'r' then 'table' when 'p' then 'table' when 'v' then 'view' when 'm' then 'materialized view'
      when 'f' then 'foreign table' else 'sequence' end as kind,
    c.relname as name, '' as args, 'pg_class'::regclass::oid::int as "classId", c.oid::bigint::text as oid
  from pg_class c where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    and not (c.relkind = 'S' and exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i') and d.refclassid = 'pg_class'::regclass))
  union all
  select case t.typtype when 'd' then 'domain' else 'type' end, t.typname, '', 'pg_type'::regclass::oid::int, t.oid::bigint::text
  from pg_type t left join pg_class c on c.oid = t.typrelid
  where t.typnamespace = $1::regnamespace and (t.typtype in ('d', 'e', 'r') or (t.typtype = 'c' and c.relkind = 'c') or (t.typtype = 'b' and t.typelem = 0 and t.typcategory <> 'A'))
  union all
  select 'routine', p.proname, pg_get_function_identity_arguments(p.oid), 'pg_proc'::regclass::oid::int, p.oid::bigint::text
  from pg_proc p where p.pronamespace = $1::regnamespace and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'i')
  union all
  select 'operator', o.oprname, coalesce(nullif(o.oprleft, 0)::regtype::text, 'NONE') || ', ' || coalesce(nullif(o.oprright, 0)::regtype::text, 'NONE'), 'pg_operator'::regclass::oid::int, o.oid::bigint::text
  from pg_operator o where o.oprnamespace = $1::regnamespace
  union all
  select 'collation', collname, '', 'pg_collation'::regclass::oid::int, oid::bigint::text from pg_collation where collnamespace = $1::regnamespace
  union all
  select 'statistics', stxname, '', 'pg_statistic_ext'::regclass::oid::int, oid::bigint::text from pg_statistic_ext where stxnamespace = $1::regnamespace
  union all
  select 'text search configuration', cfgname, '', 'pg_ts_config'::regclass::oid::int, oid::bigint::text from pg_ts_config where cfgnamespace = $1::regnamespace
  union all
  select 'text search dictionary', dictname, '', 'pg_ts_dict'::regclass::oid::int, oid::bigint::text from pg_ts_dict where dictnamespace = $1::regnamespace`;

/** The schema's objects that no extension owns. Call with an empty search_path: then arguments carry their schemas. */
export async function objectsOf(client: pg.ClientBase, schema: string): Promise<SchemaObject[]> {
  if (!(await schemaExists(client, schema))) return [];
  const { rows } = await client.query<SchemaObject & { oid: string }>(
    `select m.* from (${movable}) m where not exists (select from pg_depend d where d.classid = m."classId" and d.objid = m.oid::oid and d.deptype = 'e') order by kind, name, args`,
    [quoted(schema)],
  );
  return rows.map((row) => ({ ...row, oid: Number(row.oid) }));
}

export async function immovableObjectsOf(client: pg.ClientBase, schema: string): Promise<string[]> {
  if (!(await schemaExists(client, schema))) return [];
  const { rows } = await client.query<{ what: string }>(immovable, [quoted(schema)]);
  return rows.map(({ what }) => what);
}

export async function schemaExists(client: pg.ClientBase, schema: string): Promise<boolean> {
  const { rows } = await client.query('select from pg_namespace where nspname = $1', [schema]);
  return rows.length > 0;
}

export function isRelation({ kind }: Pick<SchemaObject, 'kind'>): boolean {
  return ['table', 'view', 'materialized view', 'foreign table', 'sequence'].includes(kind);
}

/** The same key for an object and its namesake in another schema. */
export function objectKey({ kind, name, args }: NamedObject, schemas: readonly string[]): string {
  // A table may have become a view: names of relations share one space.
  const space = isRelation({ kind }) ? 'relation' : kind === 'domain' ? 'type' : kind;
  const plain = schemas.reduce((text, schema) => text.replaceAll(`${quoted(schema)}.`, '').replaceAll(`${schema}.`, ''), args);
  return `${space} ${name}(${plain})`;
}

export function objectInWords({ kind, name, args }: NamedObject): string {
  return `${kind} ${name}${args ? `(${args})` : ''}`;
}
