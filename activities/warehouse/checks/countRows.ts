import type pg from 'pg';

import type { Connections } from '../../postgres/connections.ts';
import { qualified } from '../../postgres/identifiers.ts';
import type { Finding, ReplicaSides, RowCounts, TableRows } from './checks.contract.ts';

const application = 'nightshift verify';

export async function countRowsOf(
  { session }: Connections,
  sides: ReplicaSides,
  tables: readonly string[],
  signal: AbortSignal,
  onTable: (table: string) => void,
): Promise<RowCounts> {
  return session(sides.source, { application, signal }, (source) =>
    session(sides.target, { application, signal }, async (target) => {
      const counts: RowCounts = { tables: [], findings: [] };
      for (const table of tables) {
        signal.throwIfAborted();
        onTable(table);
        const name = qualified(sides.schema, table);
        // Of the two, the target is counted first: rows that come meanwhile can only be on the source.
        const rows = { table, targetRows: await countOf(target, name), sourceRows: await countOf(source, name) };
        counts.tables.push(rows);
        const more = rows.targetRows > rows.sourceRows;
        const deleted = more ? await deletedRows(source, name) : 0;
        const keyed = more && deleted === null && (await hasKey(target, name));
        const finding = judgeCounts(rows, { deleted, keyed, mode: sides.tables[table] });
        if (finding) counts.findings.push(finding);
      }
      return counts;
    }),
  );
}

/**
 * How many rows production had at the snapshot nobody knows any more, and it goes on by day: fewer rows on the target are expected. More can only be
 * when rows were deleted on the source since, of which its own statistics know; an empty target beside a filled source is never right.
 * @param deleted null: the source is a standby, whose statistics know nothing of what production did.
 * @param keyed the target cannot hold a row of the table twice.
 */
export function judgeCounts(
  { table, sourceRows, targetRows }: TableRows,
  { deleted, keyed = false, mode }: { deleted: number | null; keyed?: boolean; mode: ReplicaSides['tables'][string] | undefined },
): Finding | null {
  const difference = targetRows - sourceRows;
  if (difference === 0) return null;
  const counted = `${sourceRows} rows on the source, ${targetRows} on the target`;
  if (targetRows === 0) return { level: 'fault', subject: table, what: `${counted}: it is empty` };
  if (difference < 0) return { level: 'note', subject: table, what: `${counted}: ${-difference} came since the replication` };
  const doubled = mode === 'incremental' ? ': rows may have been copied twice' : '';
  if (deleted === null) {
    const what = `${counted}: ${difference} more than there are; how many production deleted a standby does not tell`;
    return keyed || mode !== 'incremental'
      ? { level: 'note', subject: table, what }
      : { level: 'fault', subject: table, what: `${what}${doubled}` };
  }
  const what = `${counted}: ${difference} more than there are; the source's statistics know of ${deleted} deleted rows`;
  if (deleted >= difference) return { level: 'note', subject: table, what };
  return { level: 'fault', subject: table, what: `${what}${doubled}` };
}

async function countOf(client: pg.ClientBase, name: string): Promise<number> {
  const { rows } = await client.query<{ count: string }>(`select count(*) as count from only ${name}`);
  return Number(rows[0]?.count);
}

/** Since the statistics were last reset; null on a standby, which counts its own work alone. */
async function deletedRows(client: pg.ClientBase, name: string): Promise<number | null> {
  const { rows } = await client.query<{ deleted: string | null; standby: boolean }>(
    'select pg_stat_get_tuples_deleted($1::regclass) as deleted, pg_is_in_recovery() as standby',
    [name],
  );
  return rows[0]?.standby ? null : Number(rows[0]?.deleted ?? 0);
}

/** A valid unique index over columns that are never null. */
async function hasKey(client: pg.ClientBase, name: string): Promise<boolean> {
  const { rows } = await client.query(
    `select from pg_index i where i.indrelid = $1::regclass and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
       and not exists (select from pg_attribute a where a.attrelid = i.indrelid and a.attnum = any(i.indkey::int2[]) and not a.attnotnull) limit 1`,
    [name],
  );
  return rows.length > 0;
}
