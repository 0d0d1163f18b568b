import type pg from 'pg';

import { qualified } from '../../postgres/identifiers.ts';

export interface TableColumn {
  name: string;
  /** With every schema written out, for example "numeric(6,5)" or "public.mood". */
  type: string;
  generated: boolean;
}

export interface TableFacts {
  relkind: string;
  estimatedRows: number;
  columns: (TableColumn & { binary: boolean; notNull: boolean; alwaysIdentity: boolean })[];
}

/**
 * Types that COPY cannot carry in binary to another server: those without binary functions, and those whose binary form holds object numbers of its own
 * server (rows, and arrays of types that are not built in: older servers refuse them).
 */
const binaryType = `
  with recursive base as (
    select t.* from pg_type t where t.oid = a.atttypid
    union all select t.* from base join pg_type t on t.oid = base.typbasetype where base.typtype = 'd'
  )
  select b.typtype <> 'c' and b.typsend <> 0 and b.typreceive <> 0
    and (b.typcategory <> 'A' or (b.typelem < 16384 and exists (select from pg_type e where e.oid = b.typelem and e.typsend <> 0 and e.typreceive <> 0 and e.typtype <> 'c')))
  from base b where b.typtype <> 'd'`;

/** Null when there is no such relation. Call with an empty search_path, so that types carry their schemas. */
export async function factsOf(client: pg.ClientBase, schema: string, table: string): Promise<TableFacts | null> {
  const { rows } = await client.query<{ relkind: string; rows: string }>(
    `select c.relkind, greatest(c.reltuples, 0)::bigint as rows from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')`,
    [schema, table],
  );
  const [found] = rows;
  if (!found) return null;
  const { rows: columns } = await client.query<TableFacts['columns'][number]>(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attgenerated <> '' as generated, a.attnotnull as "notNull",
       a.attidentity = 'a' as "alwaysIdentity", (${binaryType}) as binary
     from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [qualified(schema, table)],
  );
  return { relkind: found.relkind, estimatedRows: Number(found.rows), columns };
}

/** What is remembered of a table's shape; the order of the columns is none of it. */
export function shapeOf({ columns }: TableFacts): TableColumn[] {
  return columns.map(({ name, type, generated }) => ({ name, type, generated })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Where the columns of the source are not those of the last run. */
export function changesSince(before: readonly TableColumn[], now: readonly TableColumn[]): string[] {
  const [old, present] = [byName(before), byName(now)];
  return [
    ...now.flatMap(({ name, type }) => (old.has(name) ? [] : [`column ${name} (${type}) is new on the source`])),
    ...before.flatMap(({ name }) => (present.has(name) ? [] : [`column ${name} is gone from the source`])),
    ...now.flatMap(({ name, type }) => {
      const former = old.get(name);
      return former && former.type !== type ? [`column ${name} was ${former.type} and is ${type} on the source`] : [];
    }),
  ];
}

/** Where the target cannot take the source's columns. Columns that the target has of its own are its own business. */
export function mismatches(source: readonly TableColumn[], target: readonly TableColumn[]): string[] {
  const there = byName(target);
  return source.flatMap(({ name, type }) => {
    const mine = there.get(name);
    if (!mine) return [`column ${name} (${type}) is not on the target`];
    return mine.type === type ? [] : [`column ${name} is ${type} on the source and ${mine.type} on the target`];
  });
}

function byName(columns: readonly TableColumn[]): Map<string, TableColumn> {
  return new Map(columns.map((column) => [column.name, column]));
}

/** How rows travel: columns in the source's order, without those that the target computes itself. */
export interface RowForm {
  columns: string[];
  /** Columns that an UPDATE may set. */
  settable: string[];
  binary: boolean;
  key: string;
  keyType: string;
}

export function rowForm(source: TableFacts, target: TableFacts, key: string): RowForm {
  const there = new Map(target.columns.map((column) => [column.name, column]));
  const carried = source.columns.filter(({ name }) => there.get(name)?.generated === false);
  return {
    columns: carried.map(({ name }) => name),
    settable: carried.flatMap(({ name }) => (name === key || there.get(name)?.alwaysIdentity ? [] : [name])),
    binary: carried.every(({ name, binary }) => binary && there.get(name)?.binary),
    key,
    keyType: source.columns.find(({ name }) => name === key)?.type ?? 'bigint',
  };
}

const orderedTypes = /^(smallint|integer|bigint|numeric(\(.*\))?|uuid|date|timestamp(\(\d\))? with(out)? time zone)$/;

/** Why the column cannot be the key of an incremental copy; null when it can. */
export async function keyFault(client: pg.ClientBase, schema: string, table: string, key: string): Promise<string | null> {
  const column = (await factsOf(client, schema, table))?.columns.find(({ name }) => name === key);
  if (!column) return `has no column ${key}`;
  if (!orderedTypes.test(column.type)) return `key ${key} is of type ${column.type}, whose order is not the same everywhere`;
  if (!column.notNull) return `key ${key} may be null: such rows would never be copied`;
  const { rows } = await client.query(
    `select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
     where i.indrelid = $1::regclass and i.indisunique and i.indisvalid and i.indnkeyatts = 1 and i.indpred is null and a.attname = $2`,
    [qualified(schema, table), key],
  );
  return rows.length > 0 ? null : `key ${key} has no unique index of its own: rows with the same key could not be told apart`;
}
