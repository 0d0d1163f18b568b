import type {
  BesideCopy,
  BesideInspection,
  BesidePlan,
  CopiedTable,
  HeldSnapshot,
  WorkItem,
} from '../../activities/warehouse/beside/beside.contract.ts';
import { failure, withoutRemedy } from '../../activities/failure.ts';
import { lookingOn } from '../runbook/alongside.ts';
import { describeFailure } from '../runbook/failures.ts';
import { patient, patientFor, probe } from '../runbook/profiles.ts';
import type { Run } from '../runbook/run.ts';
import { workPool } from '../runbook/workPool.ts';
import { itemStep, itemSteps, type FullPlan } from './fullPlan.ts';
import type { FullReplicationFacts } from './fullReplication.contract.ts';
import { unlessSwapped } from './ofReplica.ts';
import type { PixReplica } from './replica.contract.ts';

export interface FullRun {
  replica: PixReplica;
  copy: BesideCopy;
  plan: FullPlan;
  run: Run;
  inspection: BesideInspection;
}

/** Phases 2 to 7. A lost snapshot begins the copy again: what was copied under the former one must not be mixed with it. */
export async function buildBeside(full: FullRun): Promise<Omit<FullReplicationFacts, 'method' | 'undo'>> {
  const { replica, run, copy, plan } = full;
  for (let snapshots = 1; ; snapshots += 1) {
    try {
      const { snapshot, work } = await begin(full);
      const copied = await watched(full, work, () => fill(full, snapshot, work));
      await run.step(plan.sequences, () => patient('set the sequences', 600).setSequences({ copy, snapshot }));
      const check = await run.step(plan.verify, async (record) => {
        const keys = work.foreignKeys.filter(({ id }) => run.record(id)?.state !== 'skipped');
        const planned = { indexes: countStatements(work.indexes), foreignKeys: keys.length };
        const found = await patientFor('verify the copy', replica.retries).verifyBeside({ copy, plan: planned });
        record.note = `${found.tables.length} tables equal, ${found.indexes} indexes, ${found.constraints} foreign keys, ${found.sequences} sequences`;
        return found;
      });
      const swap = await run.step(plan.swap, async (record) => {
        const { swapLimitSeconds } = replica.full;
        const done = await patient('put the copy into use', swapLimitSeconds)
          .swapBeside({ copy, limitSeconds: swapLimitSeconds })
          .catch((error: unknown) => unlessSwapped(copy, 'swap', run, error));
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
      run.warn(`the copy begins again: ${why}`);
    }
  }
}

async function begin({ replica, copy, plan, run, inspection }: FullRun): Promise<{ snapshot: HeldSnapshot; work: BesidePlan }> {
  const { snapshotLimitSeconds, snapshotIdleSeconds } = replica.full;
  const snapshot = await run.step(plan.snapshot, async (record) => {
    const held = await patient(`hold a snapshot of the ${replica.source.name}`, 60).holdSnapshot({
      copy,
      limitSeconds: snapshotLimitSeconds,
      idleSeconds: snapshotIdleSeconds,
    });
    record.note = `taken at ${held.takenAt}`;
    return held;
  });
  const work = await run.step(plan.define, () =>
    patientFor('define the copy', replica.retries).defineBeside({
      ...{ copy, snapshot, sharedTypes: inspection.sharedTypes },
      limitSeconds: replica.full.swapLimitSeconds,
    }),
  );
  for (const warning of work.warnings) run.warn(warning);
  run.addSteps(itemSteps(work), plan.sequences);
  return { snapshot, work };
}

/** Tables and, as each ends, its keys and indexes; then what needs all of them. */
async function fill({ replica, copy, run }: FullRun, snapshot: HeldSnapshot, work: BesidePlan): Promise<CopiedTable[]> {
  const { full, retries } = replica;
  const copied: CopiedTable[] = [];
  const statements = async (item: WorkItem): Promise<void> => {
    const { indexMemoryMegabytes: memoryMegabytes, indexWorkers: workers } = full;
    await run.step(
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
      const tables = await run.step(itemStep(item), async (record) => {
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
async function watched<Result>({ copy, run, inspection }: FullRun, work: BesidePlan, fillAll: () => Promise<Result>): Promise<Result> {
  const totalBytes = inspection.tables.reduce((sum, { bytes }) => sum + bytes, 0);
  const beganMs = Date.now();
  const look = async (): Promise<void> => {
    const seen = await probe('progress of the copy').readBesideProgress({ copy });
    for (const { table, rows, bytes } of seen.copies) {
      const item = work.copies.find(({ tables }) => tables.includes(table));
      const record = item && run.record(item.id);
      if (record?.state === 'running') record.note = `${table}: ${rows} rows, ${(bytes / 1e6).toFixed(0)} MB`;
    }
    for (const { table, phase, percent } of seen.indexes)
      for (const item of work.indexes) {
        const record = item.tables.includes(table) ? run.record(item.id) : undefined;
        if (record?.state === 'running') record.note = `${phase}${percent === null ? '' : ` ${percent} %`}`;
      }
    const doneBytes = seen.finished.bytes + seen.copies.reduce((sum, { bytes }) => sum + bytes, 0);
    const perMs = doneBytes / Math.max(1, Date.now() - beganMs);
    run.progress.estimate = {
      doneBytes,
      totalBytes,
      ...(perMs > 0 && doneBytes < totalBytes ? { endsAt: new Date(Date.now() + (totalBytes - doneBytes) / perMs).toISOString() } : {}),
    };
  };
  return lookingOn('the progress', look, fillAll);
}

function countStatements(items: readonly WorkItem[]): number {
  return items.reduce((sum, { statements }) => sum + statements.length, 0);
}
