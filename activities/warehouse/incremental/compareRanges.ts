import type pg from 'pg';

import { quoted } from '../../postgres/identifiers.ts';
import { deleteRows, placeRows, prepareArrival } from './changedRows.ts';
import { anotherHistory } from './origin.ts';
import { beginOwned, writeChunk, writeState } from './state.ts';
import { between, sourceTable, stampOf, targetTable, type TableWork } from './tableWork.ts';

/** Rows of the source in one range: small enough that the keys of a range that differs are nothing for the worker's memory. */
const rangeRows = 20_000;

/**
 * Compares all keys up to the highest copied one, range by range: count and a digest that does not depend on the order. A range that differs is listed on
 * both sides; missing rows are fetched, changed ones too where `updatedAt` is declared, and rows that the source no longer has are deleted where `deletes` is.
 * Sound without any history, so it serves first runs, sources that were restored or moved, and deletes. Reads the keys of both sides once; after a failover
 * or a move whole rows, since the new source may have given a key to another row.
 */
export async function compareRanges(work: TableWork): Promise<void> {
  const { target, address, state, snapshot, progress } = work;
  if (state.copiedTo === null) return;
  progress.phase = 'compare keys';
  let from: string | null = null;
  for (const to of await rangeEnds(work, state.copiedTo)) {
    if (!(await rangeIsEqual(work, from, to))) await mendRange(work, from, to);
    progress.key = to;
    from = to;
  }
  await beginOwned(target, address, state);
  const next = { ...state, horizon: String(snapshot.xmin), origin: snapshot.origin, comparedBy: 'ranges' as const };
  await writeState(target, address, next);
  await target.query('commit');
  work.state = next;
}

async function rangeEnds(work: TableWork, last: string): Promise<string[]> {
  const key = quoted(work.form.key);
  const { rows } = await work.source.query<{ key: string }>(
    `select key::text as key from (select ${key} as key, row_number() over (order by ${key}) as n from ${sourceTable(work)} where ${between(work, null, last)}) k
     where n % ${rangeRows} = 0 order by k.key`,
  );
  const ends = rows.map((row) => row.key);
  return ends.at(-1) === last ? ends : [...ends, last];
}

async function rangeIsEqual(work: TableWork, from: string | null, to: string): Promise<boolean> {
  const digest = async (client: pg.ClientBase, table: string): Promise<string> => {
    const { rows } = await client.query<{ count: string; digest: string }>(
      `select count(*) as count, coalesce(sum(hashtextextended((${quoted(work.form.key)}::text || '/' || coalesce(${stateOf(work)}, '')) collate "C", 0)::numeric), 0)::text as digest
       from ${table} where ${between(work, from, to)}`,
    );
    return `${rows[0]?.count} ${rows[0]?.digest}`;
  };
  const [ours, theirs] = await Promise.all([digest(work.source, sourceTable(work)), digest(work.target, targetTable(work))]);
  return ours === theirs;
}

async function mendRange(work: TableWork, from: string | null, to: string): Promise<void> {
  const { source, target, address, state, setting, progress } = work;
  const tellsStates = setting.updatedAt !== null || comparesRows(work);
  await beginOwned(target, address, state);
  const [theirs, ours] = await Promise.all([
    listKeys(work, source, sourceTable(work), from, to),
    listKeys(work, target, targetTable(work), from, to),
  ]);
  const missing = [...theirs.keys()].filter((key) => !ours.has(key));
  const changed = tellsStates ? [...theirs].filter(([key, stamp]) => ours.has(key) && ours.get(key) !== stamp).map(([key]) => key) : [];
  const gone = setting.deletes ? [...ours.keys()].filter((key) => !theirs.has(key)) : [];
  await prepareArrival(work);
  const { inserted, updated } = await placeRows(work, { missing, changed });
  const deleted = await deleteRows(work, gone);
  const marks = { run: state.run, keyFrom: from, keyTo: to };
  if (inserted > 0) await writeChunk(target, address, { ...marks, kind: 'late', rows: inserted });
  if (updated > 0) await writeChunk(target, address, { ...marks, kind: 'update', rows: updated });
  if (deleted > 0) await writeChunk(target, address, { ...marks, kind: 'delete', rows: deleted });
  await target.query('commit');
  progress.rows += inserted + updated + deleted;
}

/** `origin` stays the former one until the last range is mended, in this attempt or another. */
function comparesRows({ state, snapshot }: TableWork): boolean {
  return anotherHistory(state.origin, snapshot.origin);
}

/** What tells two states of a row apart, as text. */
function stateOf(work: TableWork): string {
  return comparesRows(work) ? `md5(row(${work.form.columns.map(quoted).join(', ')})::text)` : stampOf(work);
}

async function listKeys(
  work: TableWork,
  client: pg.ClientBase,
  table: string,
  from: string | null,
  to: string,
): Promise<Map<string, string | null>> {
  const { rows } = await client.query<{ key: string; stamp: string | null }>(
    `select ${quoted(work.form.key)}::text as key, ${stateOf(work)} as stamp from ${table} where ${between(work, from, to)}`,
  );
  return new Map(rows.map(({ key, stamp }) => [key, stamp]));
}
