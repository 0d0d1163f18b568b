import { Client, escapeIdentifier, escapeLiteral } from 'pg';

export interface TableContent {
  rows: number;
  /** Of all rows as text with the names of the columns; the order of rows and columns does not matter. */
  digest: string;
}

export interface TableComparison {
  table: string;
  /** Null: there is no such table or view. */
  source: TableContent | null;
  target: TableContent | null;
  /** There on both sides, with the same columns and rows. */
  equal: boolean;
}

/** What a value looks like as text must not depend on the server. */
const sameText = "-c datestyle=ISO -c timezone=UTC -c intervalstyle=postgres -c extra_float_digits=3 -c bytea_output=hex -c search_path=''";

/** Compares tables of two databases by count and digest of all their rows. Reads everything: for tests and proofs. */
export async function compareTables({
  source,
  target,
  tables,
  schema = 'public',
  targetSchema = schema,
}: {
  /** Connection URLs. */
  source: string;
  target: string;
  /** Names without schema, not quoted. */
  tables: readonly string[];
  schema?: string;
  targetSchema?: string;
}): Promise<TableComparison[]> {
  const clients = [source, target].map((connectionString) => new Client({ connectionString, options: sameText }));
  const [left, right] = clients;
  if (!left || !right) throw new Error('two databases are compared');
  try {
    await Promise.all(clients.map((client) => client.connect()));
    const compared: TableComparison[] = [];
    for (const table of tables) {
      const [ours, theirs] = await Promise.all([contentOf(left, schema, table), contentOf(right, targetSchema, table)]);
      const equal = ours !== null && theirs !== null && ours.rows === theirs.rows && ours.digest === theirs.digest;
      compared.push({ table, source: ours, target: theirs, equal });
    }
    return compared;
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

async function contentOf(client: Client, schema: string, table: string): Promise<TableContent | null> {
  const qualified = `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;
  const { rows: columns } = await client.query<{ name: string }>(
    `SELECT attname AS name FROM pg_catalog.pg_attribute
     WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attname COLLATE "C"`,
    [qualified],
  );
  if (columns.length === 0) return null;
  const names = columns.map(({ name }) => name);
  const row = `ROW(${names.map((name) => `t.${escapeIdentifier(name)}`).join(', ')})::text COLLATE "C"`;
  // Names are part of every row, so that exchanged columns are seen.
  const text = `${escapeLiteral(names.join('\n'))} || ${row}`;
  const { rows } = await client.query<{ rows: string; digest: string }>(
    `SELECT count(*) AS rows, coalesce(sum(hashtextextended(${text}, 0)::numeric), 0)::text AS digest FROM ${qualified} AS t`,
  );
  return { rows: Number(rows[0]?.rows), digest: rows[0]?.digest ?? '' };
}
