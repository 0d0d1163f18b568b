import type pg from 'pg';

import { failure } from '../failure.ts';
import { qualified, quoted } from '../postgres/identifiers.ts';
import { inTransaction } from '../postgres/transactions.ts';
import { giveWay, holdersInWords } from '../warehouse/swap/giveWay.ts';
import { replaceTables } from '../warehouse/swap/replaceTables.ts';
import { fillTable } from '../postgres/copyText.ts';
import { columnsOf, rowsOf } from './columns.ts';
import type { OpenDataRecord } from './fetchOpenData.ts';
import { ownSchemas } from '../warehouse/warehouse.contract.ts';
import type { OpenDataReport } from './openData.contract.ts';

const workSchema = ownSchemas.openData;

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
  const { client, schema, table, records, swapLimitSeconds: limitSeconds, signal } = load;
  signal.throwIfAborted();
  return inTransaction(client, async () => {
    await client.query(`set local search_path = ''`);
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
    const holders = (): Promise<string> => holdersInWords(client, { schemas: [schema], names: [table] });
    const swap = await giveWay(client, { within: 'savepoint', limitSeconds, signal, what: `${table} was`, holders }, async (yielded) => ({
      yielded,
      lost: await indexesAndTriggersOf(client, qualified(schema, table)),
      ...(await replaceTables(client, { schema, workSchema, previousSchema: null, names: [table], what: table })),
    }));
    await client.query(`drop schema ${quoted(workSchema)}`);
    const report = { table, rows: count, columns, ...swap };
    await load.beforeCommit?.(report);
    return report;
  });
}

async function indexesAndTriggersOf(client: pg.ClientBase, name: string): Promise<string[]> {
  const { rows } = await client.query<{ what: string }>(
    `select 'index ' || c.relname as what from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = to_regclass($1)
     union all select 'trigger ' || tgname from pg_trigger where tgrelid = to_regclass($1) and not tgisinternal order by 1`,
    [name],
  );
  return rows.map(({ what }) => what);
}

async function typesOf(client: pg.ClientBase, schema: string, table: string): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; type: string }>(
    `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
    [qualified(schema, table)],
  );
  return new Map(rows.map(({ name, type }) => [name, type]));
}
