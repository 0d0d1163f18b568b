import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import { failure } from '../../failure.ts';
import { loadGrammar, readDump, requalify, type DumpStatement } from '../beside/dumpText.ts';
import { applicationOf } from '../sessionNames.ts';
import type { ClientTools } from '../../postgres/clientTools.ts';
import { postgresFailure, type Connections } from '../../postgres/connections.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import { notForCopies } from '../dumpOptions.ts';
import { toolOnSource } from '../../postgres/standby.ts';
import { type IncrementalCopy, type IncrementalTableSetting } from './incremental.contract.ts';
import type { Ends } from './tableWork.ts';

const { load } = ownSchemas;

export interface TableDefinition {
  /** Missing types, the table, its sequence and defaults. */
  before: string[];
  /** Keys, indexes, checks, comments: when the rows are in. */
  after: { name: string | null; sql: string }[];
}

const notForWarehouse = /^(create (constraint )?trigger|create rule|create policy|alter table \S.* (enable|force) row level security)/i;

/**
 * The source's own definition of a table, its names moved into the schema where it is loaded; keys and indexes of the warehouse follow. Foreign keys,
 * triggers, rules and row security stay behind: rows arrive without the tables that they point to, and the source has run its triggers already.
 */
export async function readDefinition(
  connections: Connections,
  tools: ClientTools,
  copy: IncrementalCopy,
  {
    setting,
    source,
    target,
    signal,
  }: { setting: IncrementalTableSetting; source: pg.ClientBase; target: pg.ClientBase; signal: AbortSignal },
): Promise<TableDefinition> {
  await loadGrammar();
  const dump = async (of: string): Promise<DumpStatement[]> => {
    const application = applicationOf(copy, `define ${setting.name}`);
    const url = await connections.urlOf(copy.source);
    const text = await toolOnSource(connections, { source: copy.source, application, signal }, () =>
      tools.run('pg_dump', ['--schema-only', ...notForCopies, of], { url, application, signal }),
    );
    return readDump(text).filter(({ kind, sql }) => kind !== 'skip' && kind !== 'foreignKey' && !notForWarehouse.test(sql));
  };
  const own = await ownNames(source, copy.schema, setting.name);
  const moved = (sql: string): string => requalify(sql, copy.schema, load, (name) => own.has(name));
  const statements = await dump(`--table=${qualified(copy.schema, setting.name)}`);
  const missing = await missingTypes(source, target, copy.schema, setting.name);
  const types =
    missing.size === 0
      ? []
      : (await dump(`--schema=${quoted(copy.schema)}`)).filter(({ kind, type }) => kind === 'define' && missing.has(type ?? ''));
  const named = new Set(statements.map(({ name }) => name));
  return {
    before: [...types.map(({ sql }) => sql), ...statements.filter(({ kind }) => kind === 'define').map(({ sql }) => moved(sql))],
    after: [
      ...statements.filter(({ kind }) => kind !== 'define').map(({ name, sql }) => ({ name, sql: moved(sql) })),
      ...setting.extraIndexes
        .filter(({ name }) => !named.has(name))
        .map(({ name, on }) => ({ name, sql: `create index ${quoted(name)} on ${qualified(load, setting.name)} ${on}` })),
    ],
  };
}

/** The table, its sequences and its indexes. */
async function ownNames(source: pg.ClientBase, schema: string, table: string): Promise<Set<string>> {
  const { rows } = await source.query<{ name: string }>(
    `select relname as name from pg_class where oid = $1::regclass
     union select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = $1::regclass
     union select s.relname from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
       where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = $1::regclass and d.deptype in ('a', 'i')`,
    [qualified(schema, table)],
  );
  return new Set(rows.map(({ name }) => name));
}

/** Types of the schema that columns have, and what they are made of, as far as the target lacks them. */
async function missingTypes(source: pg.ClientBase, target: pg.ClientBase, schema: string, table: string): Promise<Set<string>> {
  const { rows } = await source.query<{ name: string }>(
    `with recursive used as (
       select atttypid as oid from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped
       union select unnest(array[t.typbasetype, t.typelem]) from used u join pg_type t on t.oid = u.oid)
     select distinct t.typname as name from used u join pg_type t on t.oid = u.oid where t.typnamespace = $2::regnamespace and t.typcategory <> 'A'`,
    [qualified(schema, table), quoted(schema)],
  );
  const names = rows.map(({ name }) => name);
  const { rows: there } = await target.query<{ name: string }>(
    'select typname as name from pg_type where typnamespace = to_regnamespace($1) and typname = any($2::text[])',
    [quoted(schema), names],
  );
  const known = new Set(there.map(({ name }) => name));
  return new Set(names.filter((name) => !known.has(name)));
}

/** Indexes that the table in use has and the new one would not: the warehouse's own. */
export async function ownIndexes(target: pg.ClientBase, schema: string, table: string): Promise<{ name: string; sql: string }[]> {
  const { rows } = await target.query<{ name: string; sql: string }>(
    `select c.relname as name, pg_get_indexdef(i.indexrelid) as sql from pg_index i join pg_class c on c.oid = i.indexrelid
     where i.indrelid = to_regclass($1) and not exists (select from pg_constraint k where k.conindid = i.indexrelid)`,
    [qualified(schema, table)],
  );
  return rows.map(({ name, sql }) => ({ name, sql: requalify(sql, schema, load, (each) => each === table) }));
}

/** Runs a statement of the definition; what stands already is left. */
export async function runDefinition({ copy, target }: Ends, { name, sql }: { name: string | null; sql: string }): Promise<boolean> {
  if (name !== null) {
    const { rows } = await target.query(
      `select from pg_class where relnamespace = $1::regnamespace and relname = $2 union all select from pg_constraint where connamespace = $1::regnamespace and conname = $2`,
      [quoted(load), name],
    );
    if (rows.length > 0) return false;
  }
  try {
    await target.query(sql);
    return true;
  } catch (error) {
    const told = postgresFailure(copy.target, error);
    if ((told as { type?: string }).type !== 'PostgresFailed') throw told;
    throw failure('PostgresFailed', `${told.message} while running: ${sql.slice(0, 300)}`, {}, error);
  }
}
