import { pipeline } from 'node:stream/promises';

import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';

import { failure } from '../../failure.ts';
import { postgresFailure } from '../connections.ts';
import type { IncrementalCopy } from './incremental.contract.ts';

/** Both ends of a copy, each within a transaction of its own. */
export interface Ends {
  copy: IncrementalCopy;
  source: pg.Client;
  target: pg.Client;
}

/** Carries the rows of a query of the source into a table of the target; memory stays flat. Answers their number, the same on both sides. */
export async function pipeRows(
  { copy, source, target }: Ends,
  { select, into, binary }: { select: string; into: string; binary: boolean },
): Promise<number> {
  const format = binary ? ' (format binary)' : '';
  const out = source.query(copyTo(`copy (${select}) to stdout${format}`));
  const taken = target.query(copyFrom(`copy ${into} from stdin${format}`));
  // The first of the two sides to fail is the cause; the other only notices.
  let cause: Error | undefined;
  out.once('error', (error) => (cause ??= postgresFailure(copy.source, error)));
  taken.once('error', (error) => (cause ??= postgresFailure(copy.target, error)));
  try {
    await pipeline(out, taken);
  } catch (error) {
    throw cause ?? error;
  }
  if (out.rowCount !== taken.rowCount)
    throw failure('ReplicaNotVerified', `${into}: the source sent ${out.rowCount} rows and the target took ${taken.rowCount}`);
  return taken.rowCount;
}
