import { quoted } from '../../postgres/identifiers.ts';
import { pipeRows } from '../../postgres/pipeRows.ts';
import { beginOwned, writeChunk, writeState } from './state.ts';
import { between, highestKey, sourceTable, targetTable, type TableWork } from './tableWork.ts';

/**
 * Copies the rows above the highest key that was copied, up to the highest of the snapshot, in chunks. Each chunk's rows, its mark and the new highest key
 * are one transaction: after any interruption the table goes on where it stands, no row comes twice and none is left out.
 * Answers the rows of this attempt.
 */
export async function appendRows(work: TableWork): Promise<number> {
  const { source, form, copy, progress } = work;
  progress.phase = 'append';
  const top = await highestKey(source, sourceTable(work), form.key);
  if (top === null) return 0;
  let appended = 0;
  let dense = /^(smallint|integer|bigint)$/.test(form.keyType);
  for (;;) {
    const from = work.state.copiedTo;
    const to: string | null = dense ? await nextWholeNumber(work, top) : await nextKey(work);
    if (to === null) return appended;
    const rows = await copyChunk(work, from, to);
    appended += rows;
    progress.rows += rows;
    progress.chunks += 1;
    progress.key = to;
    // Numbers with wide gaps would make many small chunks: then the source is asked where the next one ends.
    if (dense && to !== top && rows * 2 < copy.chunkRows) dense = false;
  }
}

async function copyChunk(work: TableWork, from: string | null, to: string): Promise<number> {
  const { target, form, address, state, snapshot } = work;
  const columns = form.columns.map(quoted).join(', ');
  await beginOwned(target, address, state);
  const { rows } = await pipeRows(work, {
    from: `(select ${columns} from ${sourceTable(work)} where ${between(work, from, to)} order by ${quoted(form.key)})`,
    into: `${targetTable(work)} (${columns})`,
    binary: form.binary,
  });
  // An older horizon stays: it is true of the new rows too.
  const next = { ...state, copiedTo: to, horizon: state.horizon ?? String(snapshot.xmin), origin: state.origin ?? snapshot.origin };
  await writeState(target, address, next);
  await writeChunk(target, address, { run: state.run, kind: 'append', keyFrom: from, keyTo: to, rows });
  await target.query('commit');
  work.state = next;
  return rows;
}

/** No question to the source: a chunk of so many numbers has at most so many rows. */
async function nextWholeNumber(work: TableWork, top: string): Promise<string | null> {
  const from = work.state.copiedTo ?? (await lowestKey(work));
  if (from === null || BigInt(from) >= BigInt(top)) return work.state.copiedTo === null && from !== null ? top : null;
  const to = BigInt(from) + BigInt(work.copy.chunkRows);
  return to < BigInt(top) ? String(to) : top;
}

async function lowestKey({ source, form, ...work }: TableWork): Promise<string | null> {
  const key = quoted(form.key);
  const { rows } = await source.query<{ key: string }>(
    `select ${key}::text as key from ${sourceTable({ source, form, ...work })} order by ${key} limit 1`,
  );
  return rows[0]?.key ?? null;
}

async function nextKey(work: TableWork): Promise<string | null> {
  const key = quoted(work.form.key);
  const { rows } = await work.source.query<{ key: string }>(
    `select ${key}::text as key from (select ${key} from ${sourceTable(work)} where ${between(work, work.state.copiedTo, null)} order by ${key} limit $1) k order by ${key} desc limit 1`,
    [work.copy.chunkRows],
  );
  return rows[0]?.key ?? null;
}
