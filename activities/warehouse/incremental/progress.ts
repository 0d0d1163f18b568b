import { ownSchemas } from '../warehouse.contract.ts';
import { applicationOf } from '../sessionNames.ts';
import type { Connections } from '../../postgres/connections.ts';
import { type IncrementalCopy, type IncrementalProgress } from './incremental.contract.ts';

/** Committed chunks of the run, and what the target's own view says of the chunks under way. */
export async function readIncrementalProgressOf({ session }: Connections, copy: IncrementalCopy): Promise<IncrementalProgress> {
  return session(copy.target, { application: applicationOf(copy, 'progress') }, async (target) => {
    const { rows } = await target.query<{ table: string; rows: string; chunks: string; under: string }>(
      `select t.name as table, coalesce(sum(c.rows), 0) as rows, count(c.rows) as chunks,
         (select coalesce(sum(p.tuples_processed), 0) from pg_stat_progress_copy p join pg_class k on k.oid = p.relid join pg_namespace n on n.oid = k.relnamespace
          where k.relname = t.name and n.nspname in ($4, $5)) as under
       from unnest($3::text[]) as t(name)
         left join ${ownSchemas.bookkeeping}.incremental_chunk c on c.replica = $1 and c.run = $2 and c.name = t.name
       group by t.name order by t.name`,
      [copy.replica, copy.run, copy.tables.map(({ name }) => name), copy.schema, ownSchemas.load],
    );
    return {
      tables: rows.map(({ table, ...row }) => ({
        table,
        rows: Number(row.rows),
        chunks: Number(row.chunks),
        rowsUnderWay: Number(row.under),
      })),
    };
  });
}
