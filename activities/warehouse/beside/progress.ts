import { ownSchemas } from '../warehouse.contract.ts';
import type { Connections } from '../../postgres/connections.ts';
import type { BesideCopy, BesideProgress } from './beside.contract.ts';
import { listCheckpoints } from './bookkeeping.ts';
import { applicationOf } from '../sessionNames.ts';

/** What the target's own progress views say of the run (pg_stat_progress_copy, pg_stat_progress_create_index), and what is finished. */
export async function readProgressOf({ session }: Connections, copy: BesideCopy): Promise<BesideProgress> {
  return session(copy.target, { application: applicationOf(copy, 'progress') }, async (target) => {
    const { rows: copies } = await target.query<{ table: string; rows: string; bytes: string }>(
      `select c.relname as table, p.tuples_processed as rows, p.bytes_processed as bytes
       from pg_stat_progress_copy p join pg_class c on c.oid = p.relid join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1`,
      [ownSchemas.next],
    );
    const { rows: indexes } = await target.query<{ table: string; phase: string; percent: number | null }>(
      `select c.relname as table, p.phase, case when p.blocks_total > 0 then round(100.0 * p.blocks_done / p.blocks_total)::int
          when p.tuples_total > 0 then round(100.0 * p.tuples_done / p.tuples_total)::int end as percent
       from pg_stat_progress_create_index p join pg_class c on c.oid = p.relid join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1`,
      [ownSchemas.next],
    );
    const finished = await listCheckpoints(target, copy, 'copy/');
    return {
      copies: copies.map(({ table, rows, bytes }) => ({ table, rows: Number(rows), bytes: Number(bytes) })),
      indexes,
      finished: {
        tables: finished.size,
        rows: sum([...finished.values()].map(({ rows }) => rows)),
        bytes: sum([...finished.values()].map(({ bytes }) => bytes)),
      },
    };
  });
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
