import type pg from 'pg';

import { beginReading } from '../beginReading.ts';

/** What a run sees of the source, and what it may conclude the next time. */
export interface SourceSnapshot {
  /** Oldest transaction (xid8) that had not ended: every older one is seen whole or was rolled back. */
  xmin: bigint;
  /** First transaction that had not begun. */
  xmax: bigint;
  /** Which server, database and timeline the numbers belong to. */
  origin: string;
}

/** One way to write values, whatever the servers' defaults: keys and texts of both sides are compared. No limit of the server's ends the work. */
export async function plainSession(client: pg.ClientBase): Promise<void> {
  await client.query(
    `set search_path = ''; set datestyle = 'ISO, MDY'; set intervalstyle = 'postgres'; set timezone = 'UTC'; set extra_float_digits = 3; set bytea_output = 'hex';
     set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set client_min_messages = error`,
  );
}

/** Begins a transaction that sees one moment of the source. */
export async function beginSnapshot(source: pg.ClientBase): Promise<SourceSnapshot> {
  const origin = await originOf(source);
  await beginReading(source);
  const { rows } = await source.query<{ xmin: string; xmax: string }>(
    'select pg_snapshot_xmin(s)::text as xmin, pg_snapshot_xmax(s)::text as xmax from pg_current_snapshot() s',
  );
  return { xmin: BigInt(rows[0]?.xmin ?? 0), xmax: BigInt(rows[0]?.xmax ?? 0), origin };
}

/** Empty where the server does not tell: then nothing is concluded from transaction numbers. */
async function originOf(source: pg.ClientBase): Promise<string> {
  try {
    const { rows } = await source.query<{ origin: string }>(
      `select concat_ws('/', (select system_identifier from pg_control_system()), (select oid from pg_database where datname = current_database()),
         (select timeline_id from pg_control_checkpoint())) as origin`,
    );
    return rows[0]?.origin ?? '';
  } catch (error) {
    if ((error as { code?: string }).code === '42501') return '';
    throw error;
  }
}
