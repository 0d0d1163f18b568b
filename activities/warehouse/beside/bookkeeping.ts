import type pg from 'pg';

import { ownSchemas, type ReplicaRun } from '../warehouse.contract.ts';
import { ensureOwnTables } from '../ownTables.ts';

const { bookkeeping: schema } = ownSchemas;

/** What a run has finished, written in the target in the same transaction as the work itself: a checkpoint cannot lie. */
export async function ensureBookkeeping(client: pg.ClientBase): Promise<void> {
  await ensureOwnTables(
    client,
    'copy_statement',
    `create table if not exists ${schema}.copy_checkpoint (
       replica text not null, run text not null, item text not null, rows bigint, bytes bigint, facts jsonb, finished_at timestamptz not null default clock_timestamp(),
       primary key (replica, run, item));
     create table if not exists ${schema}.live_object (replica text not null, key text not null, primary key (replica, key));
     create table if not exists ${schema}.copy_statement (
       replica text not null, run text not null, number int not null, sql text not null, primary key (replica, run, number));`,
  );
}

export interface Checkpoint {
  rows: number;
  bytes: number;
  facts: unknown;
}

export async function readCheckpoint(client: pg.ClientBase, { replica, run }: ReplicaRun, item: string): Promise<Checkpoint | null> {
  const { rows } = await client.query<{ rows: string | null; bytes: string | null; facts: unknown }>(
    `select rows, bytes, facts from ${schema}.copy_checkpoint where replica = $1 and run = $2 and item = $3`,
    [replica, run, item],
  );
  const row = rows[0];
  return row ? { rows: Number(row.rows ?? 0), bytes: Number(row.bytes ?? 0), facts: row.facts } : null;
}

/** All checkpoints of the run whose name begins with `prefix`. */
export async function listCheckpoints(
  client: pg.ClientBase,
  { replica, run }: ReplicaRun,
  prefix: string,
): Promise<Map<string, Checkpoint>> {
  const { rows } = await client.query<{ item: string; rows: string | null; bytes: string | null; facts: unknown }>(
    `select item, rows, bytes, facts from ${schema}.copy_checkpoint where replica = $1 and run = $2 and starts_with(item, $3)`,
    [replica, run, prefix],
  );
  return new Map(rows.map(({ item, facts, ...row }) => [item, { rows: Number(row.rows ?? 0), bytes: Number(row.bytes ?? 0), facts }]));
}

export async function writeCheckpoint(
  client: pg.ClientBase,
  { replica, run }: ReplicaRun,
  item: string,
  { rows = null, bytes = null, facts = null }: { rows?: number | null; bytes?: number | null; facts?: unknown } = {},
): Promise<void> {
  await client.query(`insert into ${schema}.copy_checkpoint (replica, run, item, rows, bytes, facts) values ($1, $2, $3, $4, $5, $6)`, [
    replica,
    run,
    item,
    rows,
    bytes,
    facts === null ? null : JSON.stringify(facts),
  ]);
}

/** Forgets the checkpoints and statements of the replica's runs, this one included. */
export async function forgetRuns(client: pg.ClientBase, replica: string): Promise<void> {
  await client.query(`delete from ${schema}.copy_checkpoint where replica = $1`, [replica]);
  await client.query(`delete from ${schema}.copy_statement where replica = $1`, [replica]);
}

export async function writeStatements(client: pg.ClientBase, { replica, run }: ReplicaRun, statements: readonly string[]): Promise<void> {
  await client.query(
    `insert into ${schema}.copy_statement (replica, run, number, sql) select $1, $2, ordinality - 1, sql from unnest($3::text[]) with ordinality as t(sql, ordinality)`,
    [replica, run, statements],
  );
}

export async function readStatements(
  client: pg.ClientBase,
  { replica, run }: ReplicaRun,
  numbers: readonly number[],
): Promise<Map<number, string>> {
  const { rows } = await client.query<{ number: number; sql: string }>(
    `select number, sql from ${schema}.copy_statement where replica = $1 and run = $2 and number = any($3::int[]) order by number`,
    [replica, run, numbers],
  );
  return new Map(rows.map(({ number, sql }) => [number, sql]));
}

/** Mark of a table that a run left alone: a kept list that is empty all of a sudden is a lost setting. */
export function keptKey(table: string): string {
  return `kept ${table}`;
}

/** Keys of the objects that the last swap of the replica brought into use. */
export async function readLiveObjects(client: pg.ClientBase, replica: string): Promise<Set<string>> {
  const { rows } = await client.query<{ key: string }>(`select key from ${schema}.live_object where replica = $1`, [replica]);
  return new Set(rows.map(({ key }) => key));
}

export async function writeLiveObjects(client: pg.ClientBase, replica: string, keys: readonly string[]): Promise<void> {
  await client.query(`delete from ${schema}.live_object where replica = $1`, [replica]);
  await client.query(`insert into ${schema}.live_object (replica, key) select distinct $1, key from unnest($2::text[]) as t(key)`, [
    replica,
    keys,
  ]);
}
