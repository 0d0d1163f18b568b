import type pg from 'pg';

import type { ExtraIndex } from '../beside/beside.contract.ts';
import { quoted } from '../../postgres/identifiers.ts';
import type { InPlaceCopy } from './inPlace.contract.ts';

/**
 * How an enrichment index stands: not valid when a build of it broke off or a partition has none of its own; taken when the name is another relation's, which the
 * dump brought.
 */
export type IndexState = 'valid' | 'notValid' | 'absent' | 'taken';

/** Enrichment indexes of the tables that stand on the target, each as it is there now. */
export async function enrichmentOf(
  target: pg.ClientBase,
  { schema, extraIndexes }: InPlaceCopy,
): Promise<{ index: ExtraIndex; state: IndexState }[]> {
  const { rows } = await target.query<{ number: number; state: IndexState }>(
    `select w.number::int as number, case when c.oid is null then 'absent' when i.indexrelid is null or i.indrelid <> t.oid then 'taken'
         when i.indisvalid and i.indisready and i.indislive then 'valid' else 'notValid' end as state
     from unnest($2::text[], $3::text[]) with ordinality as w(name, on_table, number)
       join pg_class t on t.relnamespace = to_regnamespace($1) and t.relname = w.on_table and t.relkind in ('r', 'p')
       left join pg_class c on c.relnamespace = t.relnamespace and c.relname = w.name left join pg_index i on i.indexrelid = c.oid
     order by w.number`,
    [quoted(schema), extraIndexes.map(({ name }) => name), extraIndexes.map(({ table }) => table)],
  );
  return rows.flatMap(({ number, state }) => {
    const index = extraIndexes[number - 1];
    return index ? [{ index, state }] : [];
  });
}
