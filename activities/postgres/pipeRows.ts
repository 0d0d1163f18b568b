import { pipeline } from 'node:stream/promises';

import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';

import { failure } from '../failure.ts';
import { postgresFailure } from './connections.ts';
import type { PostgresRef } from './postgres.contract.ts';

/** Both ends of a copy, each within a transaction of its own. */
export interface PipeEnds {
  copy: { source: PostgresRef; target: PostgresRef };
  source: pg.Client;
  target: pg.Client;
}

export interface PipedRows {
  /** What COPY reads: "table (columns)" or "(select …)". */
  from: string;
  /** What it fills: "table (columns)". */
  into: string;
  binary: boolean;
  /** For a table that was made or emptied in this transaction: readers with an older snapshot see the rows too. */
  freeze?: boolean;
  /** Told about every second. */
  onBytes?: (bytes: number) => void;
}

/**
 * Carries rows from one server to another; memory stays flat. What the source sent and what the target took must be the same number, else it fails with
 * ReplicaNotVerified. Bytes are those that the source's socket has read: a stream between the two would cost a third of the speed.
 */
export async function pipeRows(
  { copy, source, target }: PipeEnds,
  { from, into, binary, freeze = false, onBytes }: PipedRows,
): Promise<{ rows: number; bytes: number }> {
  const out = source.query(copyTo(`copy ${from} to stdout${options({ binary })}`));
  const taken = target.query(copyFrom(`copy ${into} from stdin${options({ freeze, binary })}`));
  const { stream } = (source as unknown as { connection: { stream: { bytesRead: number } } }).connection;
  const before = stream.bytesRead;
  const watch = onBytes && setInterval(() => onBytes(stream.bytesRead - before), 1_000);
  // The first of the two sides to fail is the cause; the other only notices.
  let cause: Error | undefined;
  out.once('error', (error) => (cause ??= postgresFailure(copy.source, error)));
  taken.once('error', (error) => (cause ??= postgresFailure(copy.target, error)));
  try {
    await pipeline(out, taken);
  } catch (error) {
    throw cause ?? error;
  } finally {
    clearInterval(watch);
  }
  if (out.rowCount !== taken.rowCount)
    throw failure('ReplicaNotVerified', `${into}: the source sent ${out.rowCount} rows and the target took ${taken.rowCount}`);
  return { rows: taken.rowCount, bytes: stream.bytesRead - before };
}

function options({ freeze = false, binary }: { freeze?: boolean; binary: boolean }): string {
  const wanted = [...(freeze ? ['freeze'] : []), ...(binary ? ['format binary'] : [])];
  return wanted.length > 0 ? ` (${wanted.join(', ')})` : '';
}
