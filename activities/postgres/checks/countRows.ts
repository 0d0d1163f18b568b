import type pg from 'pg';

import type { Connections } from '../connections.ts';
import { qualified } from '../identifiers.ts';
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
        const deleted = rows.targetRows > rows.sourceRows ? await deletedRows(source, name) : 0;
        const finding = judgeCounts(rows, { deleted, mode: sides.tables[table] });
        if (finding) counts.findings.push(finding);
      }
      return counts;
    }),
  );
}

/**
 * How many rows production had at the snapshot nobody knows any more, and it goes on by day: fewer rows on the target are expected. More can only be
 * when rows were deleted on the source since, of which its own statistics know; an empty target beside a filled source is never right.
 */
export function judgeCounts(
  { table, sourceRows, targetRows }: TableRows,
  { deleted, mode }: { deleted: number; mode: ReplicaSides['tables'][string] | undefined },
): Finding | null {
  const difference = targetRows - sourceRows;
  if (difference === 0) return null;
  const counted = `${sourceRows} rows on the source, ${targetRows} on the target`;
  if (targetRows === 0) return { level: 'fault', subject: table, what: `${counted}: it is empty` };
  if (difference < 0) return { level: 'note', subject: table, what: `${counted}: ${-difference} came since the replication` };
  const what = `${counted}: ${difference} more than there are; the source's statistics know of ${deleted} deleted rows`;
  if (deleted >= difference) return { level: 'note', subject: table, what };
  return { level: 'fault', subject: table, what: mode === 'incremental' ? `${what}: rows may have been copied twice` : what };
}

async function countOf(client: pg.ClientBase, name: string): Promise<number> {
  const { rows } = await client.query<{ count: string }>(`select count(*) as count from only ${name}`);
  return Number(rows[0]?.count);
}

/** Since the statistics were last reset. */
async function deletedRows(client: pg.ClientBase, name: string): Promise<number> {
  const { rows } = await client.query<{ deleted: string | null }>('select pg_stat_get_tuples_deleted($1::regclass) as deleted', [name]);
  return Number(rows[0]?.deleted ?? 0);
}
