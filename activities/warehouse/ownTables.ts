import type pg from 'pg';

import { inTransaction } from '../postgres/transactions.ts';
import { ownSchemas } from './warehouse.contract.ts';

/**
 * Makes tables of ours, and their schema, unless the one named `last` stands. Call in no transaction.
 * @param sql makes them in this order, each only where it is absent.
 */
export async function ensureOwnTables(client: pg.ClientBase, last: string, sql: string): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>('select to_regclass($1) is not null as there', [
    `${ownSchemas.bookkeeping}.${last}`,
  ]);
  if (rows[0]?.there) return;
  await inTransaction(client, async () => {
    // Two activities may come here at once.
    await client.query("select pg_advisory_xact_lock(hashtext('nightshift bookkeeping'))");
    await client.query(`create schema if not exists ${ownSchemas.bookkeeping}; ${sql}`);
  });
}

/**
 * Reads what a writer of a table of ours may just be committing: when nothing is there, such a writer is waited for, at most 20 s (then PostgresBusy: lock not available),
 * and it is read again. Call in no transaction.
 */
export async function readSettled<Written>(
  client: pg.ClientBase,
  table: string,
  read: () => Promise<Written | null>,
): Promise<Written | null> {
  const written = await read();
  if (written !== null) return written;
  await client.query(`begin; set local lock_timeout = '20s'; lock table ${ownSchemas.bookkeeping}.${table} in share mode; commit`);
  return read();
}
