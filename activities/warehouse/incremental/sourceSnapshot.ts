import type pg from 'pg';

import { beginReading } from '../../postgres/transactions.ts';
import { originOf } from './origin.ts';

/** What a run sees of the source, and what it may conclude the next time. */
export interface SourceSnapshot {
  /** Oldest transaction (xid8) that had not ended: every older one is seen whole or was rolled back. */
  xmin: bigint;
  /** First transaction that had not begun. */
  xmax: bigint;
  /** Which server, database and timeline the numbers belong to. */
  origin: string;
  /** A hot standby shows what it has replayed, which may be less than another server showed before. */
  standby: boolean;
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
  const { rows } = await source.query<{ xmin: string; xmax: string; standby: boolean }>(
    'select pg_snapshot_xmin(s)::text as xmin, pg_snapshot_xmax(s)::text as xmax, pg_is_in_recovery() as standby from pg_current_snapshot() s',
  );
  const [{ xmin = '0', xmax = '0', standby = false } = {}] = rows;
  return { xmin: BigInt(xmin), xmax: BigInt(xmax), origin, standby };
}
