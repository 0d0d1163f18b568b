import type pg from 'pg';

import { qualified, quoted } from '../postgres/identifiers.ts';

/** Options of pg_dump: what a warehouse should not do, and what another server cannot know. */
export const notForCopies: readonly string[] = [
  '--no-owner',
  '--no-privileges',
  '--no-publications',
  '--no-subscriptions',
  '--no-security-labels',
  '--no-tablespaces',
];

/** Options of pg_dump for one schema without the tables and sequences of these names, each by its exact name. */
export function schemaWithout(schema: string, excluded: readonly string[]): string[] {
  return [`--schema=${quoted(schema)}`, ...excluded.map((name) => `--exclude-table=${qualified(schema, name)}`)];
}

/** pg_dump leaves out a table and dumps its serial's sequence all the same. */
export async function sequencesOfKept(
  source: pg.ClientBase,
  { schema, kept }: { schema: string; kept: readonly string[] },
): Promise<string[]> {
  const { rows } = await source.query<{ name: string }>(
    `select s.relname as name from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S' join pg_class t on t.oid = d.refobjid
     where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') and t.relnamespace = $1::regnamespace and t.relname = any($2::text[])`,
    [quoted(schema), kept],
  );
  return rows.map(({ name }) => name);
}
