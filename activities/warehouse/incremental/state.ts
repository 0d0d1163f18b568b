import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import { failure } from '../../failure.ts';
import { ensureOwnTables } from '../ownTables.ts';
import type { TableColumn } from './tableFacts.ts';

const { bookkeeping: schema } = ownSchemas;

/** A table of the target as the runs know it. `place` is the schema that it stands in: that of the replica, or the one where it is loaded whole. */
export interface TableAddress {
  replica: string;
  place: string;
  table: string;
}

/** What the target knows of its own copy. Written in the same transactions as the rows, so it cannot say more or less than what is there. */
export interface TableState {
  /** Highest key that was copied; null: none yet. */
  copiedTo: string | null;
  /** No row with a key up to `copiedTo` that is missing here was made by an older transaction of the source (xid8); null: nothing is known. */
  horizon: string | null;
  /** Which server, database and timeline the horizon counts on. */
  origin: string | null;
  columns: TableColumn[];
  run: string;
  /** `copiedTo` when this run began. */
  keyBefore: string | null;
  comparedBy: 'transactions' | 'ranges';
}

export async function ensureIncrementalState(client: pg.ClientBase): Promise<void> {
  await ensureOwnTables(
    client,
    'incremental_chunk',
    `create table if not exists ${schema}.incremental_table (
       replica text not null, place text not null, name text not null, copied_to text, horizon text, origin text, columns jsonb not null,
       run text not null, key_before text, compared_by text not null, changed_at timestamptz not null default clock_timestamp(),
       primary key (replica, place, name));
     create table if not exists ${schema}.incremental_chunk (
       replica text not null, place text not null, name text not null, run text not null, kind text not null, key_from text, key_to text, rows bigint not null,
       finished_at timestamptz not null default clock_timestamp());
     create index if not exists incremental_chunk_table on ${schema}.incremental_chunk (replica, place, name);`,
  );
}

/** @param lock holds the row until the end of the transaction: whoever else copies the same table waits, and then sees that it moved on. */
export async function readState(
  client: pg.ClientBase,
  { replica, place, table }: TableAddress,
  { lock = false } = {},
): Promise<TableState | null> {
  const { rows } = await client.query<TableState>(
    `select copied_to as "copiedTo", horizon, origin, columns, run, key_before as "keyBefore", compared_by as "comparedBy"
     from ${schema}.incremental_table where replica = $1 and place = $2 and name = $3${lock ? ' for update' : ''}`,
    [replica, place, table],
  );
  return rows[0] ?? null;
}

export async function writeState(client: pg.ClientBase, { replica, place, table }: TableAddress, state: TableState): Promise<void> {
  await client.query(
    `insert into ${schema}.incremental_table (replica, place, name, copied_to, horizon, origin, columns, run, key_before, compared_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     on conflict (replica, place, name) do update set copied_to = excluded.copied_to, horizon = excluded.horizon, origin = excluded.origin,
       columns = excluded.columns, run = excluded.run, key_before = excluded.key_before, compared_by = excluded.compared_by, changed_at = clock_timestamp()`,
    [
      replica,
      place,
      table,
      state.copiedTo,
      state.horizon,
      state.origin,
      JSON.stringify(state.columns),
      state.run,
      state.keyBefore,
      state.comparedBy,
    ],
  );
}

export async function forgetState(client: pg.ClientBase, { replica, place, table }: TableAddress): Promise<void> {
  for (const list of ['incremental_table', 'incremental_chunk'])
    await client.query(`delete from ${schema}.${list} where replica = $1 and place = $2 and name = $3`, [replica, place, table]);
}

/** What was written down of a table follows it into another schema. */
export async function moveState(client: pg.ClientBase, from: TableAddress, place: string): Promise<void> {
  await forgetState(client, { ...from, place });
  for (const list of ['incremental_table', 'incremental_chunk'])
    await client.query(`update ${schema}.${list} set place = $4 where replica = $1 and place = $2 and name = $3`, [
      from.replica,
      from.place,
      from.table,
      place,
    ]);
}

/**
 * Begins a transaction in which the table is ours: fails with PostgresBusy when it is not where we left it, since then another attempt, thought to be
 * dead, is copying too. Its rows and ours can never both come in.
 */
export async function beginOwned(client: pg.ClientBase, address: TableAddress, expected: TableState): Promise<void> {
  await client.query('begin');
  const found = await readState(client, address, { lock: true });
  if (found?.copiedTo === expected.copiedTo && found.horizon === expected.horizon && found.run === expected.run) return;
  await client.query('rollback');
  const [there, here] = [found?.copiedTo ?? 'none', expected.copiedTo ?? 'none'];
  throw failure(
    'PostgresBusy',
    `another session copies table ${address.table}: it took over while this one was at key ${here}; the table is at ${there}`,
  );
}

export type ChunkKind = 'append' | 'late' | 'update' | 'delete';

export async function writeChunk(
  client: pg.ClientBase,
  { replica, place, table }: TableAddress,
  { run, kind, keyFrom, keyTo, rows }: { run: string; kind: ChunkKind; keyFrom: string | null; keyTo: string | null; rows: number },
): Promise<void> {
  await client.query(
    `insert into ${schema}.incremental_chunk (replica, place, name, run, kind, key_from, key_to, rows) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [replica, place, table, run, kind, keyFrom, keyTo, rows],
  );
}

export async function forgetChunksOfOtherRuns(client: pg.ClientBase, { replica, place, table }: TableAddress, run: string): Promise<void> {
  await client.query(`delete from ${schema}.incremental_chunk where replica = $1 and place = $2 and name = $3 and run <> $4`, [
    replica,
    place,
    table,
    run,
  ]);
}

/** Rows and chunks of the run, by kind. */
export async function sumChunks(
  client: pg.ClientBase,
  { replica, place, table }: TableAddress,
  run: string,
): Promise<Record<ChunkKind, { rows: number; chunks: number }>> {
  const { rows } = await client.query<{ kind: ChunkKind; rows: string; chunks: string }>(
    `select kind, sum(rows) as rows, count(*) as chunks from ${schema}.incremental_chunk where replica = $1 and place = $2 and name = $3 and run = $4 group by kind`,
    [replica, place, table, run],
  );
  const none = { rows: 0, chunks: 0 };
  const sums: Record<ChunkKind, { rows: number; chunks: number }> = { append: none, late: none, update: none, delete: none };
  for (const { kind, ...sum } of rows) sums[kind] = { rows: Number(sum.rows), chunks: Number(sum.chunks) };
  return sums;
}
