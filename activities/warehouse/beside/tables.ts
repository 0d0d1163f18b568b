import type pg from 'pg';

import { quoted } from '../../postgres/identifiers.ts';

export interface SourceTable {
  name: string;
  oid: number;
  /** 'r' has rows of its own, 'p' is partitioned and has none. */
  relkind: 'r' | 'p';
  rows: number;
  bytes: number;
}

/** Tables of a schema that are copied: neither kept nor an extension's, partitions each on its own. */
export async function tablesOf(client: pg.ClientBase, schema: string, kept: readonly string[]): Promise<SourceTable[]> {
  const { rows } = await client.query<{ name: string; oid: string; relkind: 'r' | 'p'; rows: string; bytes: string }>(
    `select c.relname as name, c.oid::bigint::text as oid, c.relkind, greatest(c.reltuples, 0)::bigint as rows, pg_table_size(c.oid) as bytes
     from pg_class c where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p') and c.relname <> all($2::text[])
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by bytes desc, name`,
    [quoted(schema), kept],
  );
  return rows.map((row) => ({ ...row, oid: Number(row.oid), rows: Number(row.rows), bytes: Number(row.bytes) }));
}

/** Columns that COPY moves (generated ones are computed again), and whether every type can travel in binary. */
export async function columnsOf(client: pg.ClientBase, schema: string, table: string): Promise<{ columns: string[]; binary: boolean }> {
  const { rows } = await client.query<{ name: string; binary: boolean }>(
    `select a.attname as name, t.typsend <> 0 and t.typreceive <> 0 as binary
     from pg_attribute a join pg_type t on t.oid = a.atttypid
     where a.attrelid = (select oid from pg_class where relnamespace = $1::regnamespace and relname = $2) and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     order by a.attnum`,
    [quoted(schema), table],
  );
  return { columns: rows.map(({ name }) => name), binary: rows.every(({ binary }) => binary) };
}
