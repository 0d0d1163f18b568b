import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import { applicationOf } from '../sessionNames.ts';
import type { Connections } from '../../postgres/connections.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import { readFacts } from '../../postgres/serverFacts.ts';
import type { IncrementalCopy, IncrementalInspection, IncrementalTableSetting, InspectedTable } from './incremental.contract.ts';
import { absentOnStandby, isStandbyOf, standbyOfTarget } from '../../postgres/standby.ts';
import { plainSession } from './sourceSnapshot.ts';
import { readState, type TableState } from './state.ts';
import { changesSince, factsOf, keyFault, mismatches, shapeOf } from './tableFacts.ts';

/** Every table on both sides, before any is copied; nothing is written, not even our own tables. */
export async function inspectIncrementalOf(
  { session }: Connections,
  copy: IncrementalCopy,
  signal: AbortSignal,
  onTable: (table: string) => void,
): Promise<IncrementalInspection> {
  const application = applicationOf(copy, 'inspect');
  return session(copy.target, { application, signal }, (target) =>
    session(copy.source, { application, signal }, async (source) => {
      await Promise.all([plainSession(source), plainSession(target)]);
      const [sourceFacts, targetFacts] = [await readFacts(source), await readFacts(target)];
      const faults: string[] = [];
      if (sourceFacts.identity === targetFacts.identity) faults.push(`source and target are the same database "${targetFacts.database}"`);
      if (await isStandbyOf(source, target)) faults.push(standbyOfTarget);
      if (targetFacts.inRecovery) faults.push('target: the server is a standby and takes no writes');
      if (targetFacts.user === 'postgres') faults.push('target: the user is postgres; use one that owns the warehouse and nothing else');
      const { rows } = await target.query<{ create: boolean; kept: string | null }>(
        `select has_database_privilege(current_database(), 'create') as create, to_regclass($1)::text as kept`,
        [`${ownSchemas.bookkeeping}.incremental_chunk`],
      );
      const recorded = rows[0]?.kept !== null;
      const absent = new Set(await absentOnStandby(source, { schema: copy.schema, kept: [] }));
      if (!recorded && !rows[0]?.create) faults.push(`target: user ${targetFacts.user} may not create schema ${ownSchemas.bookkeeping}`);
      const tables: InspectedTable[] = [];
      for (const setting of copy.tables) {
        onTable(setting.name);
        const seen = absent.has(setting.name)
          ? { fault: 'is unlogged, and the source is a standby, which does not have its rows: let source.url lead to the primary' }
          : await inspectTable(source, target, copy, setting, recorded);
        if ('fault' in seen) faults.push(`table ${setting.name}: ${seen.fault}`);
        else tables.push(seen);
      }
      return { source: sourceFacts, target: targetFacts, tables, faults };
    }),
  );
}

async function inspectTable(
  source: pg.ClientBase,
  target: pg.ClientBase,
  { replica, schema }: IncrementalCopy,
  { name, key, updatedAt }: IncrementalTableSetting,
  recorded: boolean,
): Promise<InspectedTable | { fault: string }> {
  const theirs = await factsOf(source, schema, name);
  if (!theirs) return { fault: 'the source does not have it' };
  if (theirs.relkind !== 'r' && theirs.relkind !== 'p') return { fault: 'is no table on the source' };
  const { rows } = await source.query<{ reads: boolean }>(`select has_table_privilege($1::regclass, 'select') as reads`, [
    qualified(schema, name),
  ]);
  if (!rows[0]?.reads) return { fault: 'may not be read on the source' };
  const wrongKey = await keyFault(source, schema, name, key);
  if (wrongKey !== null) return { fault: wrongKey };
  if (updatedAt !== null && !theirs.columns.some((column) => column.name === updatedAt))
    return { fault: `has no column ${updatedAt} (updatedAt)` };
  const about = { name, differences: [], estimatedRows: theirs.estimatedRows };
  const ours = await factsOf(target, schema, name);
  if (!ours) return { ...about, state: 'absent' };
  const { rows: some } = await target.query(`select from ${qualified(schema, name)} limit 1`);
  if (some.length === 0) return { ...about, state: 'empty' };
  const { rows: rights } = await target.query<{ owns: boolean }>(
    `select pg_has_role(relowner, 'usage') as owns from pg_class where oid = $1::regclass`,
    [qualified(schema, name)],
  );
  if (!rights[0]?.owns) return { fault: 'belongs to somebody else on the target' };
  const before: TableState | null = recorded ? await readState(target, { replica, place: schema, table: name }) : null;
  const now = shapeOf(theirs);
  const differences = [...new Set([...(before ? changesSince(before.columns, now) : []), ...mismatches(now, shapeOf(ours))])];
  return { ...about, state: differences.length > 0 ? 'changed' : 'ready', differences };
}

/** Foreign keys that lead out of the tables: rows arrive before what they point to, or without it. */
export async function dropForeignKeysOf({ session }: Connections, copy: IncrementalCopy, signal: AbortSignal): Promise<string[]> {
  return session(copy.target, { application: applicationOf(copy, 'foreign keys'), signal }, async (target) => {
    const { rows } = await target.query<{ table: string; name: string }>(
      `select c.relname as table, k.conname as name from pg_constraint k join pg_class c on c.oid = k.conrelid
       where c.relnamespace = to_regnamespace($1) and c.relname = any($2::text[]) and k.contype = 'f' and k.conparentid = 0 order by 1, 2`,
      [quoted(copy.schema), copy.tables.map(({ name }) => name)],
    );
    await target.query('begin');
    await target.query("set local lock_timeout = '30s'");
    for (const { table, name } of rows) await target.query(`alter table ${qualified(copy.schema, table)} drop constraint ${quoted(name)}`);
    await target.query('commit');
    return rows.map(({ table, name }) => `${table}.${name}`);
  });
}
