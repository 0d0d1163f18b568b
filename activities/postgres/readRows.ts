import type pg from 'pg';

import { failure } from '../failure.ts';

/** Every value as the server writes it; null is null. */
export type TextRow = Record<string, string | null>;

export interface RowsWanted<Row> {
  /** One statement that a cursor can be declared for. */
  sql: string;
  /** Of $1, $2 …. */
  values?: readonly unknown[];
  /** Schemas in which names without one are looked for. */
  searchPath: string;
  /** What a row becomes. */
  parse: (row: TextRow) => Row;
  /** No further row is fetched. */
  rowsMax: number;
  /** Of all values together, as the server writes them; more fails with PostgresFailed. */
  bytesMax: number;
  /** For the whole reading; longer fails with SQLSTATE 57014. */
  limitSeconds: number;
}

export interface RowsRead<Row> {
  rows: Row[];
  columns: string[];
}

/** Memory holds one batch beside what `parse` keeps. */
const batchRows = 1_000;
const asText: pg.CustomTypesConfig = { getTypeParser: () => (value: string) => value };

/**
 * Rows of a query in a transaction that can write nothing and is taken back. A time without zone is taken as UTC, and shown so. Call in no transaction; errors of
 * the driver pass as they are. A session whose signal aborts ends the reading.
 */
export async function readRows<Row>(
  client: pg.ClientBase,
  { sql, values = [], searchPath, parse, rowsMax, bytesMax, limitSeconds }: RowsWanted<Row>,
): Promise<RowsRead<Row>> {
  const deadlineMs = performance.now() + limitSeconds * 1000;
  const limit = async (): Promise<void> => {
    await client.query(`set local statement_timeout = ${Math.max(1, Math.round(deadlineMs - performance.now()))}`);
  };
  await client.query('begin read only');
  try {
    await client.query(`set local timezone = 'UTC'; set local search_path = ${searchPath}`);
    await limit();
    await client.query(oneStatement(`declare answer no scroll cursor for ${sql.replace(/[\s;]+$/, '')}`, values));
    const read: RowsRead<Row> = { rows: [], columns: [] };
    for (let bytes = 0; ;) {
      const wanted = Math.min(batchRows, rowsMax - read.rows.length);
      await limit();
      const { rows, fields } = await client.query<TextRow>({ text: `fetch ${wanted} from answer`, types: asText });
      read.columns = fields.map(({ name }) => name);
      for (const row of rows) {
        for (const value of Object.values(row)) bytes += value === null ? 0 : Buffer.byteLength(value);
        if (bytes > bytesMax) throw failure('PostgresFailed', `the answer is longer than ${bytesMax} bytes`);
        read.rows.push(parse(row));
      }
      if (rows.length < wanted || read.rows.length === rowsMax) return read;
    }
  } finally {
    // On a connection that is gone there is nothing to take back.
    await client.query('rollback').catch(() => undefined);
  }
}

/** For `parse`: rows with exactly these columns, in whatever order; another answer fails with PostgresFailed. */
export function withColumns<Name extends string>(...names: Name[]): (row: TextRow) => Record<Name, string | null> {
  return (row) => {
    const found = Object.keys(row);
    if (found.length !== names.length || names.some((name) => !(name in row)))
      throw failure('PostgresFailed', `the columns ${names.join(', ')} were expected, ${found.join(', ')} came`);
    return row as Record<Name, string | null>;
  };
}

/** In this mode the server takes one statement alone: nothing can end the read-only transaction. */
function oneStatement(text: string, values: readonly unknown[]): pg.QueryConfig {
  const config: pg.QueryConfig & { queryMode: 'extended' } = { text, values: [...values], queryMode: 'extended' };
  return config;
}
