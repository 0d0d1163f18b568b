import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import type { Connections } from '../../postgres/connections.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import { pipeRows } from '../../postgres/pipeRows.ts';
import { type BesideCopy, type CopiedTable, type HeldSnapshot, type WorkItem } from './beside.contract.ts';
import { listCheckpoints, writeCheckpoint } from './bookkeeping.ts';
import { beginInSnapshot } from './snapshot.ts';
import { applicationOf } from '../sessionNames.ts';
import { columnsOf } from './tables.ts';

const { next } = ownSchemas;

export interface CopyProgress {
  table: string;
  tablesDone: number;
  rows: number;
  bytes: number;
}

/**
 * Each table in one transaction on the target: emptied, filled, checkpoint. Emptied in the same transaction, its rows are written frozen,
 * and without write-ahead log where the server's wal_level is minimal. What the source sent and what the target took must be the same number.
 */
export async function copyTablesOf(
  { session }: Connections,
  copy: BesideCopy,
  { snapshot, item, signal, progress }: { snapshot: HeldSnapshot; item: WorkItem; signal: AbortSignal; progress: CopyProgress },
): Promise<CopiedTable[]> {
  const application = applicationOf(copy, item.id);
  return session(copy.target, { application, signal }, async (target) => {
    const done = await listCheckpoints(target, copy, 'copy/');
    const waiting = item.tables.filter((table) => !done.has(`copy/${table}`));
    if (waiting.length > 0)
      await session(copy.source, { application, signal }, async (source) => {
        await beginInSnapshot(source, snapshot);
        await target.query('set synchronous_commit = off');
        for (const table of waiting) {
          progress.table = table;
          const copied = await copyTable(source, target, copy, table, progress);
          done.set(`copy/${table}`, { ...copied, facts: null });
          progress.tablesDone += 1;
        }
      });
    return item.tables.map((table) => ({
      table,
      rows: done.get(`copy/${table}`)?.rows ?? 0,
      bytes: done.get(`copy/${table}`)?.bytes ?? 0,
    }));
  });
}

async function copyTable(
  source: pg.Client,
  target: pg.Client,
  copy: BesideCopy,
  table: string,
  progress: CopyProgress,
): Promise<{ rows: number; bytes: number }> {
  const { columns, binary } = await columnsOf(source, copy.schema, table);
  const list = columns.map(quoted).join(', ');
  await target.query('begin');
  await target.query(`truncate only ${qualified(next, table)}`);
  const bytesBefore = progress.bytes;
  const copied = await pipeRows(
    { copy, source, target },
    {
      from: `${qualified(copy.schema, table)} (${list})`,
      into: `${qualified(next, table)} (${list})`,
      binary,
      freeze: true,
      onBytes: (bytes) => (progress.bytes = bytesBefore + bytes),
    },
  );
  progress.bytes = bytesBefore + copied.bytes;
  progress.rows += copied.rows;
  await writeCheckpoint(target, copy, `copy/${table}`, copied);
  await target.query('commit');
  return copied;
}
