import type pg from 'pg';

import { failure } from '../../failure.ts';
import { applicationOf } from '../sessionNames.ts';
import { postgresFailure, type Connections } from '../../postgres/connections.ts';
import { qualified } from '../../postgres/identifiers.ts';
import type { PostgresRef } from '../../postgres/postgres.contract.ts';
import { appendRows } from './appendRows.ts';
import { compareRanges } from './compareRanges.ts';
import type { IncrementalCopy, IncrementalTableReport, IncrementalTableSetting, TableCounts } from './incremental.contract.ts';
import { fetchLateRows, horizonHolds } from './lateRows.ts';
import { beginSnapshot, plainSession, type SourceSnapshot } from './sourceSnapshot.ts';
import {
  beginOwned,
  ensureIncrementalState,
  forgetChunksOfOtherRuns,
  readState,
  sumChunks,
  writeState,
  type TableAddress,
  type TableState,
} from './state.ts';
import { changesSince, factsOf, mismatches, rowForm, shapeOf, type TableColumn } from './tableFacts.ts';
import { between, highestKey, sourceTable, targetTable, type Ends, type TableProgress, type TableWork } from './tableWork.ts';

export function settingOf({ tables }: IncrementalCopy, table: string): IncrementalTableSetting {
  const setting = tables.find(({ name }) => name === table);
  if (!setting) throw failure('InvalidInput', `table ${table} is not incremental`);
  return setting;
}

/** Opens both ends for one table; both sessions end with the work. */
export async function withEnds<Result>(
  { session }: Connections,
  copy: IncrementalCopy,
  { what, signal }: { what: string; signal: AbortSignal },
  work: (ends: Ends) => Promise<Result>,
): Promise<Result> {
  const application = applicationOf(copy, what);
  return session(copy.target, { application, signal }, (target) =>
    session(copy.source, { application, signal }, async (source) => {
      tellServer(target, copy.target);
      await Promise.all([plainSession(source), plainSession(target)]);
      await ensureIncrementalState(target);
      return work({ copy, source, target });
    }),
  );
}

/** Both sessions are open at once: an error says of itself whose it is. */
function tellServer(client: pg.Client, server: PostgresRef): void {
  const ask = client.query.bind(client) as (...query: unknown[]) => unknown;
  const told = (...query: unknown[]): unknown => {
    const answer = ask(...query);
    return answer instanceof Promise ? answer.catch((error: unknown) => Promise.reject(postgresFailure(server, error))) : answer;
  };
  client.query = told as typeof client.query;
}

/** Brings one table of the target, in use or just being loaded, up to the source as it is now. */
export async function bringUp(
  ends: Ends,
  setting: IncrementalTableSetting,
  place: string,
  progress: TableProgress,
): Promise<IncrementalTableReport> {
  const beganMs = performance.now();
  const { copy, source, target } = ends;
  const { name: table, key } = setting;
  const address: TableAddress = { replica: copy.replica, place, table };
  // What a crash of the target takes back, it takes back with its mark; the last transaction waits for the disk.
  await target.query('set synchronous_commit = off');
  const [theirs, ours] = [await factsOf(source, copy.schema, table), await factsOf(target, place, table)];
  if (!theirs) throw failure('PreflightFailed', `the source has no table ${table}`);
  if (!ours) throw failure('IncrementalTableEmpty', `the target has no table ${table}`);
  const columns = shapeOf(theirs);
  const state = await takeOver(target, copy, address, { key, columns });
  if (state.copiedTo === null && place === copy.schema) throw failure('IncrementalTableEmpty', `table ${table} is empty on the target`);
  // After the take-over: what another attempt copied before it gave way is never younger than what we see.
  const snapshot = await beginSnapshot(source);
  refuseOlder(table, state, snapshot);
  const differences = new Set([...changesSince(state.columns, columns), ...mismatches(columns, shapeOf(ours))]);
  if (differences.size > 0) throw failure('SchemaChanged', `table ${table}: ${[...differences].join('; ')}`);
  const work: TableWork = { ...ends, setting, address, form: rowForm(theirs, ours, key), snapshot, state, progress };
  progress.table = table;
  progress.key = state.copiedTo;
  await (setting.deletes || !horizonHolds(work) ? compareRanges(work) : fetchLateRows(work));
  const former = work.state.copiedTo;
  const appended = await appendRows(work);
  progress.phase = 'count';
  const counts = await countRows(work, former, appended);
  await target.query('set synchronous_commit = on');
  await beginOwned(target, address, work.state);
  await writeState(target, address, work.state);
  await target.query('commit');
  const { append, late, update, delete: deleted } = await sumChunks(target, address, copy.run);
  await source.query('commit');
  return {
    table,
    rows: append.rows,
    chunks: append.chunks,
    keyBefore: work.state.keyBefore,
    keyAfter: work.state.copiedTo,
    lateRows: late.rows,
    updates: update.rows,
    deletes: deleted.rows,
    comparedBy: work.state.comparedBy,
    counts,
    seconds: Math.round((performance.now() - beganMs) / 100) / 10,
  };
}

/** A standby that lags shows less than was copied already: rows that it lacks are not gone. */
function refuseOlder(table: string, { horizon, origin }: TableState, snapshot: SourceSnapshot): void {
  if (!snapshot.standby || horizon === null || origin !== snapshot.origin || BigInt(horizon) <= snapshot.xmax) return;
  throw failure(
    'PostgresBusy',
    `table ${table}: the source is a standby that has not yet replayed what was copied before (transaction ${horizon}, it is at ${snapshot.xmax}): it lags, or its replay is paused`,
  );
}

/**
 * What is known of the table, now this run's. The target itself is asked for its highest key: where that is not the recorded one, somebody else wrote,
 * and nothing is concluded from before. Other attempts are locked out while this is found out.
 */
async function takeOver(
  target: pg.Client,
  { run }: IncrementalCopy,
  address: TableAddress,
  { key, columns }: { key: string; columns: TableColumn[] },
): Promise<TableState> {
  await target.query('begin');
  await target.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `nightshift ${address.replica} ${address.place} ${address.table}`,
  ]);
  const found = await readState(target, address, { lock: true });
  const copiedTo = await highestKey(target, qualified(address.place, address.table), key);
  const known = found !== null && found.copiedTo === copiedTo;
  const first = found?.run !== run;
  const state: TableState = {
    copiedTo,
    horizon: known ? found.horizon : null,
    origin: known ? found.origin : null,
    columns: found?.columns ?? columns,
    run,
    keyBefore: first ? copiedTo : found.keyBefore,
    comparedBy: first ? 'transactions' : found.comparedBy,
  };
  await writeState(target, address, state);
  if (first) await forgetChunksOfOtherRuns(target, address, run);
  await target.query('commit');
  return state;
}

/**
 * Rows up to the highest copied key on both sides, the source's in the snapshot. Appended rows were counted by both servers as they went, chunk by chunk, and the
 * target had none there before: they are not counted again.
 */
async function countRows(work: TableWork, former: string | null, appended: number): Promise<TableCounts> {
  if (former === null) return { source: appended, target: appended };
  const count = async (client: pg.ClientBase, table: string): Promise<number> => {
    const { rows } = await client.query<{ count: string }>(`select count(*) as count from ${table} where ${between(work, null, former)}`);
    return Number(rows[0]?.count) + appended;
  };
  const [source, target] = await Promise.all([count(work.source, sourceTable(work)), count(work.target, targetTable(work))]);
  return { source, target };
}

/** One table in use. */
export async function copyIncrementalOf(
  connections: Connections,
  copy: IncrementalCopy,
  { table, signal, progress }: { table: string; signal: AbortSignal; progress: TableProgress },
): Promise<IncrementalTableReport> {
  const setting = settingOf(copy, table);
  return withEnds(connections, copy, { what: table, signal }, (ends) => bringUp(ends, setting, copy.schema, progress));
}
