import type pg from 'pg';

import { failure } from '../failure.ts';
import { qualified, quoted } from '../postgres/identifiers.ts';
import { fillTable } from '../postgres/copyText.ts';
import { columnsOf, rowsOf } from './columns.ts';
import type { OpenDataRecord } from './fetchOpenData.ts';
import { ownSchemas } from '../warehouse/warehouse.contract.ts';
import type { OpenDataReport } from './openData.contract.ts';

const workSchema = ownSchemas.openData;
import { swapTable } from './swapTable.ts';

export interface OpenDataLoad {
  /** Connected, in no transaction. */
  client: pg.ClientBase;
  schema: string;
  table: string;
  records: readonly OpenDataRecord[];
  swapLimitSeconds: number;
  signal: AbortSignal;
  /** The last thing in the transaction. */
  beforeCommit?: (report: Omit<OpenDataReport, 'totalCount'>) => Promise<void>;
}

/** Fills a new table and takes it into use: one transaction, so that a crash leaves nothing behind. Errors of the driver pass as they are. */
export async function loadOpenData(load: OpenDataLoad): Promise<Omit<OpenDataReport, 'totalCount'>> {
  const { client, schema, table, records, swapLimitSeconds, signal } = load;
  signal.throwIfAborted();
  await client.query('begin');
  try {
    await client.query(`set local search_path = ''`);
    await client.query('set local idle_in_transaction_session_timeout = 0');
    const columns = columnsOf(records, await typesOf(client, schema, table));
    await client.query(`create schema ${quoted(workSchema)}`);
    const made = qualified(workSchema, table);
    await client.query(`create table ${made} (${columns.map(({ name, type }) => `${quoted(name)} ${type}`).join(', ')})`);
    await fillTable(client, made, rowsOf(records, columns), signal);
    const { rows } = await client.query<{ count: string }>(`select count(*) as count from ${made}`);
    const count = Number(rows[0]?.count);
    if (count !== records.length)
      throw failure('ReplicaNotVerified', `table ${table}: ${records.length} rows were fetched, ${count} are in the new table`);
    await client.query(`analyze ${made}`);
    const swap = await swapTable(client, { schema, table, limitSeconds: swapLimitSeconds, signal });
    const report = { table, rows: count, columns, ...swap };
    await load.beforeCommit?.(report);
    await client.query('commit');
    return report;
  } catch (error) {
    // When the connection is gone, the server rolls back by itself.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

async function typesOf(client: pg.ClientBase, schema: string, table: string): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; type: string }>(
    `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
    [qualified(schema, table)],
  );
  return new Map(rows.map(({ name, type }) => [name, type]));
}
