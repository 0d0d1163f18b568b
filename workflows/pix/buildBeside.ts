import type {
  BesideCopy,
  BesideInspection,
  BesidePlan,
  CopiedTable,
  HeldSnapshot,
  ReplicaCheck,
  SwapReport,
  WorkItem,
} from '../../activities/postgres/beside/beside.contract.ts';
import { failure, withoutRemedy } from '../../activities/failure.ts';
import type { Runbook } from '../runbook/beginRunbook.ts';
import { describeFailure } from '../runbook/failures.ts';
import { patient, patientFor, probe } from '../runbook/profiles.ts';
import { watchWhile } from '../runbook/watchWhile.ts';
import { workPool } from '../runbook/workPool.ts';
import { unlessSwapped } from './doneSwap.ts';
import { itemStep, itemSteps, type FullPlan } from './fullPlan.ts';
import type { PixReplica } from './replica.contract.ts';

export interface FullRun {
  replica: PixReplica;
  copy: BesideCopy;
  plan: FullPlan;
  runbook: Runbook;
  inspection: BesideInspection;
}

export interface Built {
  tables: number;
  rows: number;
  bytes: number;
  check: ReplicaCheck;
  swap: SwapReport;
  snapshots: number;
}

/** Phases 2 to 7. A lost snapshot begins the copy again: what was copied under the former one must not be mixed with it (pix 21). */
export async function buildBeside(run: FullRun): Promise<Built> {
  const { replica, runbook, copy, plan } = run;
  for (let snapshots = 1; ; snapshots += 1) {
    try {
      const { snapshot, work } = await begin(run);
      const copied = await watched(run, work, () => fill(run, snapshot, work));
      await runbook.step(plan.sequences, () => patient('set the sequences', 600).setSequences({ copy, snapshot }));
      const check = await runbook.step(plan.verify, async (record) => {
        const keys = work.foreignKeys.filter(({ id }) => runbook.record(id)?.state !== 'skipped');
        const planned = { indexes: countStatements(work.indexes), foreignKeys: keys.length };
        const found = await patientFor('verify the copy', replica.retries).verifyBeside({ copy, plan: planned });
        record.note = `${found.tables.length} tables equal, ${found.indexes} indexes, ${found.constraints} foreign keys, ${found.sequences} sequences`;
        return found;
      });
      const swap = await runbook.step(plan.swap, async (record) => {
        const { swapLimitSeconds } = replica.full;
        const done = await patient('put the copy into use', swapLimitSeconds)
          .swapBeside({ copy, limitSeconds: swapLimitSeconds })
          .catch((error: unknown) => unlessSwapped(copy, 'swap', runbook, error));
        record.note = `${done.moved} objects in ${done.lockedMs} ms, gave way to readers ${done.yielded} times`;
        return done;
      });
      return {
        tables: copied.length,
        rows: copied.reduce((sum, { rows }) => sum + rows, 0),
        bytes: copied.reduce((sum, { bytes }) => sum + bytes, 0),
        ...{ check, swap, snapshots },
      };
    } catch (error) {
      const { type, message } = describeFailure(error);
      if (type !== 'SnapshotLost') throw error;
      const why = withoutRemedy(message);
      if (snapshots >= replica.full.snapshotsMax)
        throw failure('SnapshotLost', `${snapshots} snapshots were lost, full.snapshotsMax allows no other: ${why}`, {}, error);
      runbook.warn(`the copy begins again: ${why}`);
    }
  }
}

async function begin({ replica, copy, plan, runbook, inspection }: FullRun): Promise<{ snapshot: HeldSnapshot; work: BesidePlan }> {
  const { snapshotLimitSeconds, snapshotIdleSeconds } = replica.full;
  const snapshot = await runbook.step(plan.snapshot, async (record) => {
    const held = await patient(`hold a snapshot of the ${replica.source.name}`, 60).holdSnapshot({
      copy,
      limitSeconds: snapshotLimitSeconds,
      idleSeconds: snapshotIdleSeconds,
    });
    record.note = `taken at ${held.takenAt}`;
    return held;
  });
  const work = await runbook.step(plan.define, () =>
    patientFor('define the copy', replica.retries).defineBeside({
      ...{ copy, snapshot, sharedTypes: inspection.sharedTypes },
      limitSeconds: replica.full.swapLimitSeconds,
    }),
  );
  for (const warning of work.warnings) runbook.warn(warning);
  runbook.addSteps(itemSteps(work));
  return { snapshot, work };
}

/** Tables and, as each ends, its keys and indexes; then what needs all of them. */
async function fill({ replica, copy, runbook }: FullRun, snapshot: HeldSnapshot, work: BesidePlan): Promise<CopiedTable[]> {
  const { full, retries } = replica;
  const copied: CopiedTable[] = [];
  const statements = async (item: WorkItem): Promise<void> => {
    const { indexMemoryMegabytes: memoryMegabytes, indexWorkers: workers } = full;
    await runbook.step(
      itemStep(item),
      () => patientFor(item.title, retries).runStatements({ copy, item, memoryMegabytes, workers }),
      () => ({ done: 0, skipped: item.statements.length }),
    );
  };
  const first = [...work.copies, ...work.indexes.filter(({ tables }) => tables.length === 0)];
  await workPool<WorkItem>(
    first,
    full.atOnceMax,
    ({ bytes }) => bytes,
    async (item) => {
      if (item.kind !== 'copy') {
        await statements(item);
        return [];
      }
      const tables = await runbook.step(itemStep(item), async (record) => {
        const done = await patientFor(item.title, retries).copyTables({ copy, snapshot, item });
        record.note = `${done.reduce((sum, { rows }) => sum + rows, 0)} rows`;
        return done;
      });
      copied.push(...tables);
      const own = new Set(item.tables);
      return work.indexes.filter(({ tables: of }) => of.length > 0 && of.every((table) => own.has(table)));
    },
  );
  for (const item of work.attaches) await statements(item);
  // Statistics first: the check of a foreign key is a join.
  for (const items of [work.analyze, work.foreignKeys])
    await workPool<WorkItem>(
      items,
      full.atOnceMax,
      ({ bytes }) => bytes,
      async (item) => {
        await statements(item);
        return [];
      },
    );
  for (const item of work.finish) await statements(item);
  return copied;
}

/** Looks at the target's progress views while the work goes on. */
async function watched<Result>({ copy, runbook, inspection }: FullRun, work: BesidePlan, fillAll: () => Promise<Result>): Promise<Result> {
  const totalBytes = inspection.tables.reduce((sum, { bytes }) => sum + bytes, 0);
  const beganMs = Date.now();
  const look = async (): Promise<void> => {
    const seen = await probe('progress of the copy').readBesideProgress({ copy });
    for (const { table, rows, bytes } of seen.copies) {
      const item = work.copies.find(({ tables }) => tables.includes(table));
      const record = item && runbook.record(item.id);
      if (record?.state === 'running') record.note = `${table}: ${rows} rows, ${(bytes / 1e6).toFixed(0)} MB`;
    }
    for (const { table, phase, percent } of seen.indexes)
      for (const item of work.indexes) {
        const record = item.tables.includes(table) ? runbook.record(item.id) : undefined;
        if (record?.state === 'running') record.note = `${phase}${percent === null ? '' : ` ${percent} %`}`;
      }
    const doneBytes = seen.finished.bytes + seen.copies.reduce((sum, { bytes }) => sum + bytes, 0);
    const perMs = doneBytes / Math.max(1, Date.now() - beganMs);
    runbook.progress.estimate = {
      doneBytes,
      totalBytes,
      ...(perMs > 0 && doneBytes < totalBytes ? { endsAt: new Date(Date.now() + (totalBytes - doneBytes) / perMs).toISOString() } : {}),
    };
    runbook.show();
  };
  return watchWhile('the progress', look, fillAll);
}

function countStatements(items: readonly WorkItem[]): number {
  return items.reduce((sum, { statements }) => sum + statements.length, 0);
}
