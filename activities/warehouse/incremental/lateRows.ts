import { quoted } from '../../postgres/identifiers.ts';
import { pipeRows } from '../../postgres/pipeRows.ts';
import { keysAtOnce, placeRows, prepareArrival } from './changedRows.ts';
import { beginOwned, writeChunk, writeState } from './state.ts';
import { between, keyLiteral, sourceTable, stampOf, targetTable, type TableWork } from './tableWork.ts';

const candidates = 'pg_temp.nightshift_candidate';
/** Transaction numbers of rows have 32 bits and go round: beyond half of them, less a reserve, older and younger cannot be told apart. */
const ageMax = 2n ** 31n - 2n ** 24n;

/**
 * Whether the recorded horizon says anything about this snapshot: the same server, database and timeline (a copy of the server made from a dump or
 * restored to a former moment counts anew), and not too many transactions ago. Otherwise every range of keys is compared.
 */
export function horizonHolds({ state, snapshot }: TableWork): boolean {
  if (state.horizon === null || state.origin !== snapshot.origin || snapshot.origin === '') return false;
  const horizon = BigInt(state.horizon);
  return horizon <= snapshot.xmax && snapshot.xmax - horizon < ageMax;
}

/**
 * The safe horizon. Rows get their key before their transaction commits, so a copy up to the highest key misses rows of transactions that are still open,
 * whatever time it takes them: hours, nights, keys that a session took in advance (CACHE), keys that the application chose.
 *
 * What holds between runs, for each table: a row of the source with a key up to `copiedTo` that is not on the target was written by a transaction not
 * older than `horizon`.
 * - Why it is true after a run: `horizon` is the oldest transaction that was open in the snapshot of the run (its xmin). A row that the snapshot did not
 *   show and that exists later was written by a transaction that was open then or began later; both have numbers from xmin on, subtransactions and prepared
 *   ones included. Chunks copied under several snapshots (attempts) keep the oldest of their horizons.
 * - What this act does with it: it reads the keys of all rows up to `copiedTo` whose writing transaction (system column xmin) is not older than the horizon,
 *   finds those that the target lacks and fetches them, and records the new snapshot's xmin with them in one transaction. A transaction open over several
 *   nights holds xmin back, so its rows are looked for until they are there.
 * - A row's xmin keeps its value when the row is frozen (since PostgreSQL 9.4), rewritten by VACUUM FULL or CLUSTER, or seen on a standby. Where a number that has
 *   gone round makes an old row look young, it is found to be there already; the reverse cannot be within 2^31 transactions, and beyond (or on
 *   another server or timeline) `horizonHolds` denies.
 *
 * An update writes a row anew, so the same reading finds updates: with `updatedAt`, rows whose value differs are fetched too. Costs one reading of the table
 * on the source; no index knows xmin.
 */
export async function fetchLateRows(work: TableWork): Promise<void> {
  const { target, form, address, state, snapshot, progress, setting } = work;
  const { copiedTo, horizon } = state;
  if (copiedTo === null || horizon === null) return;
  progress.phase = 'late rows';
  const key = quoted(form.key);
  await beginOwned(target, address, state);
  await target.query(`create temporary table nightshift_candidate (key ${form.keyType}, stamp text) on commit drop`);
  const young = `age(xmin) <= age('${BigInt.asUintN(32, BigInt(horizon))}'::xid)`;
  const { rows: found } = await pipeRows(work, {
    from: `(select ${key}, ${stampOf(work)} from ${sourceTable(work)} where ${between(work, null, copiedTo)} and ${young})`,
    into: `${candidates} (key, stamp)`,
    binary: false,
  });
  let [inserted, updated] = [0, 0];
  if (found > 0) {
    await target.query(`analyze ${candidates}`);
    await prepareArrival(work);
    const differs = setting.updatedAt === null ? '' : ` or c.stamp is distinct from ${stampOf(work, 't.')}`;
    for (let after: string | null = null; ;) {
      const { rows }: { rows: { key: string; missing: boolean }[] } = await target.query(
        `select c.key::text as key, t.${key} is null as missing from ${candidates} c left join ${targetTable(work)} t on t.${key} = c.key
         where ${after === null ? 'true' : `c.key > ${keyLiteral(work, after)}`} and (t.${key} is null${differs}) order by c.key limit ${keysAtOnce}`,
      );
      const placed = await placeRows(work, {
        missing: rows.filter(({ missing }) => missing).map((row) => row.key),
        changed: rows.filter(({ missing }) => !missing).map((row) => row.key),
      });
      inserted += placed.inserted;
      updated += placed.updated;
      if (rows.length < keysAtOnce) break;
      after = rows.at(-1)?.key ?? null;
    }
  }
  const marks = { run: state.run, keyFrom: null, keyTo: copiedTo };
  if (inserted > 0) await writeChunk(target, address, { ...marks, kind: 'late', rows: inserted });
  if (updated > 0) await writeChunk(target, address, { ...marks, kind: 'update', rows: updated });
  const next = { ...state, horizon: String(snapshot.xmin), origin: snapshot.origin };
  await writeState(target, address, next);
  await target.query('commit');
  work.state = next;
}
