import { pipeline } from 'node:stream/promises';

import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';

import { failure } from '../../failure.ts';
import { postgresFailure, type Connections } from '../connections.ts';
import { qualified, quoted } from '../identifiers.ts';
import { besideSchemas, type BesideCopy, type CopiedTable, type HeldSnapshot, type WorkItem } from './beside.contract.ts';
import { listCheckpoints, writeCheckpoint } from './bookkeeping.ts';
import { applicationOf, beginInSnapshot } from './snapshot.ts';
import { columnsOf } from './tables.ts';

const { next } = besideSchemas;

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
  const out = source.query(copyTo(`copy ${qualified(copy.schema, table)} (${list}) to stdout${binary ? ' (format binary)' : ''}`));
  const into = target.query(copyFrom(`copy ${qualified(next, table)} (${list}) from stdin (freeze${binary ? ', format binary' : ''})`));
  // Bytes are those that the source's socket has read: a stream between the two would cost a third of the speed.
  const { stream } = (source as unknown as { connection: { stream: { bytesRead: number } } }).connection;
  const [before, bytesBefore] = [stream.bytesRead, progress.bytes];
  const watch = setInterval(() => (progress.bytes = bytesBefore + stream.bytesRead - before), 1_000);
  // The first of the two sides to fail is the cause; the other only notices.
  let cause: Error | undefined;
  out.once('error', (error) => (cause ??= postgresFailure(copy.source, error)));
  into.once('error', (error) => (cause ??= postgresFailure(copy.target, error)));
  try {
    await pipeline(out, into);
  } catch (error) {
    throw cause ?? error;
  } finally {
    clearInterval(watch);
  }
  const bytes = stream.bytesRead - before;
  progress.bytes = bytesBefore + bytes;
  if (out.rowCount !== into.rowCount)
    throw failure('ReplicaNotVerified', `${table}: the source sent ${out.rowCount} rows and the target took ${into.rowCount}`);
  progress.rows += into.rowCount;
  await writeCheckpoint(target, copy, `copy/${table}`, { rows: into.rowCount, bytes });
  await target.query('commit');
  return { rows: into.rowCount, bytes };
}
