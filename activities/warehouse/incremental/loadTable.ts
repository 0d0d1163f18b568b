import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import { failure } from '../../failure.ts';
import type { ClientTools } from '../../postgres/clientTools.ts';
import type { Connections } from '../../postgres/connections.ts';
import { literal, qualified, quoted } from '../../postgres/identifiers.ts';
import { bringUp, settingOf, withEnds } from './copyTable.ts';
import { buildMaterialized, boundObjects } from './boundObjects.ts';
import { ownIndexes, readDefinition, runDefinition, type TableDefinition } from './defineTable.ts';
import { type IncrementalCopy, type LoadedTable } from './incremental.contract.ts';
import { ensureIncrementalState, forgetState, readState, type TableAddress } from './state.ts';
import { factsOf } from './tableFacts.ts';
import { swapTable } from './swapTable.ts';
import type { Ends, TableProgress } from './tableWork.ts';

const { load } = ownSchemas;

/** One table whole: defined as on the source beside the one in use, filled in chunks, indexed, counted, taken into use. */
export async function loadIncrementalOf(
  connections: Connections,
  tools: ClientTools,
  copy: IncrementalCopy,
  options: { table: string; swapLimitSeconds: number; indexMemoryMegabytes: number; signal: AbortSignal; progress: TableProgress },
): Promise<LoadedTable> {
  const { table, signal, progress } = options;
  const setting = settingOf(copy, table);
  const address: TableAddress = { replica: copy.replica, place: load, table };
  progress.table = table;
  const filled = await withEnds(connections, copy, { what: `load ${table}`, signal }, async (ends) => {
    progress.phase = 'define';
    const facts = await factsOf(ends.source, copy.schema, table);
    if (!facts) throw failure('PreflightFailed', `the source has no table ${table}`);
    if (facts.relkind !== 'r') throw failure('BesideNotPossible', `${table} is partitioned or no table: it cannot be loaded whole`);
    // Whatever would forbid the swap is reported before hours of work.
    await boundObjects(ends.target, copy.schema, table);
    const definition = await readDefinition(connections, tools, copy, { setting, ...ends, signal });
    const resumed = await define(ends, address, definition);
    await ends.target.query(`set maintenance_work_mem = ${literal(`${options.indexMemoryMegabytes}MB`)}`);
    const indexed = async (): Promise<void> => {
      progress.phase = 'indexes';
      await finish(ends, table, definition);
    };
    // What an earlier attempt copied is compared by key ranges: that needs the key's index.
    if (resumed) await indexed();
    const report = await bringUp(ends, { ...setting, deletes: true }, load, progress);
    if (!resumed) await indexed();
    await ends.target.query(`analyze ${qualified(load, table)}`);
    if (report.counts.source !== report.counts.target)
      throw failure(
        'ReplicaNotVerified',
        `table ${table}: the source has ${report.counts.source} rows in the snapshot, the load has ${report.counts.target}`,
      );
    await buildMaterialized(ends.target, copy.schema, table);
    return { ...report, indexes: await countIndexes(ends.target, table) };
  });
  progress.phase = 'put into use';
  const { rebound } = await swapTable(connections, copy, { address, limitSeconds: options.swapLimitSeconds, signal });
  return { ...filled, rebound };
}

/** Whether an earlier attempt of this run had begun; whatever other runs left is dropped. */
async function define(ends: Ends, address: TableAddress, { before }: TableDefinition): Promise<boolean> {
  const { copy, target } = ends;
  const state = await readState(target, address);
  const stands = (await factsOf(target, load, address.table)) !== null;
  if (stands && state?.run === copy.run) return true;
  await target.query('begin');
  await forgetState(target, address);
  await target.query(`create schema if not exists ${quoted(load)}`);
  // Materialized views that an earlier attempt built over it go with it.
  await target.query(`drop table if exists ${qualified(load, address.table)} cascade`);
  await target.query('set local check_function_bodies = off');
  for (const sql of before) await runDefinition(ends, { name: null, sql });
  await target.query('commit');
  return false;
}

async function finish(ends: Ends, table: string, { after }: TableDefinition): Promise<void> {
  const { copy, target } = ends;
  for (const statement of after) await runDefinition(ends, statement);
  const columns = new Set((await factsOf(target, load, table))?.columns.map(({ name }) => name));
  for (const index of await ownIndexes(target, copy.schema, table))
    // An index of a column that the source dropped goes with it.
    if (await columnsStand(target, copy.schema, index.name, columns)) await runDefinition(ends, index);
}

async function columnsStand(target: pg.ClientBase, schema: string, index: string, columns: ReadonlySet<string>): Promise<boolean> {
  const { rows } = await target.query<{ name: string }>(
    `select distinct a.attname as name from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
     where d.classid = 'pg_class'::regclass and d.objid = $1::regclass and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0`,
    [qualified(schema, index)],
  );
  return rows.every(({ name }) => columns.has(name));
}

async function countIndexes(target: pg.ClientBase, table: string): Promise<number> {
  const { rows } = await target.query<{ count: string }>('select count(*) as count from pg_index where indrelid = $1::regclass', [
    qualified(load, table),
  ]);
  return Number(rows[0]?.count);
}

/** Tables of this replica that were being loaded when a run ended. */
export async function discardLoadOf({ session }: Connections, copy: IncrementalCopy, application: string): Promise<void> {
  await session(copy.target, { application }, async (target) => {
    await ensureIncrementalState(target);
    await target.query('begin');
    for (const { name: table } of copy.tables) {
      await target.query(`drop table if exists ${qualified(load, table)} cascade`);
      await forgetState(target, { replica: copy.replica, place: load, table });
    }
    const { rows } = await target.query('select from pg_class where relnamespace = to_regnamespace($1) limit 1', [load]);
    if (rows.length === 0) await target.query(`drop schema if exists ${quoted(load)} cascade`);
    await target.query('commit');
  });
}
