import { CancellationScope, workflowInfo } from '@temporalio/workflow';

import { failure, withoutRemedy } from '../../activities/failure.ts';
import type { ReplicaCheck } from '../../activities/warehouse/beside/beside.contract.ts';
import type { InPlaceCopy, InPlaceInspection, ProvenDump } from '../../activities/warehouse/inPlace/inPlace.contract.ts';
import { lookingOn } from '../runbook/alongside.ts';
import { describeFailure } from '../runbook/failures.ts';
import { patient, patientFor, probe } from '../runbook/profiles.ts';
import type { Run } from '../runbook/run.ts';
import type { PlannedStep, StepRecord } from '../runbook/runbook.contract.ts';
import type { InPlaceReplicationFacts } from './fullReplication.contract.ts';
import type { InPlacePlan } from './inPlacePlan.ts';
import type { PixRequest } from './inputs.schema.ts';
import { besideCopyOf } from './ofReplica.ts';
import type { PixReplica } from './replica.contract.ts';

const noUndo = 'none: a replacement in place leaves no former copy';

interface InPlaceRun {
  replica: PixReplica;
  copy: InPlaceCopy;
  plan: InPlacePlan;
  run: Run;
  /** Whether the run goes on from the dump of an earlier one. */
  goesOn: boolean;
  /** Bytes of the tables on the source. */
  sourceBytes: number;
}

/** The seed's full replication. Until the target is emptied nothing is changed; from then to the end it is empty or half full, and the run says so. */
export async function replaceInPlace(
  { replica, dumpOf }: PixRequest<'pixFullReplication'>,
  plan: InPlacePlan,
  run: Run,
): Promise<InPlaceReplicationFacts> {
  const copy = besideCopyOf(replica, dumpOf ?? workflowInfo().runId);
  // Nothing but the work itself makes a warehouse whole again: the way back has no step, and ends the count of its downtime.
  return run.untilBack(async () => {
    let failed: { error: unknown } | null = null;
    try {
      const { tables: seen, warnings } = await run.step(plan.inspect, (record) => inspect(replica, copy, record));
      for (const warning of warnings) run.warn(warning);
      const sourceBytes = seen.reduce((sum, { bytes }) => sum + bytes, 0);
      const { done, dump } = await replace({ replica, copy, plan, run, goesOn: dumpOf !== null, sourceBytes });
      const { tables, rows, sizeBytes, sha256, begunAt } = dump;
      return { method: 'inPlace', tables, rows, bytes: sourceBytes, check: done, undo: noUndo, dump: { sizeBytes, sha256, begunAt } };
    } catch (error) {
      failed = { error };
      throw error;
    } finally {
      await CancellationScope.nonCancellable(() => leave(replica, copy, run, failed));
    }
  });
}

async function inspect(replica: PixReplica, copy: InPlaceCopy, record: StepRecord): Promise<InPlaceInspection> {
  const found = await patient('look at source and target', 300).inspectInPlace({ copy, limits: replica.limits });
  if (found.faults.length > 0)
    throw failure('PreflightFailed', `${found.faults.length} faults: ${found.faults.join(' | ')}`, { faults: found.faults });
  record.note = found.keptDumps.map((each) => `there is a dump on the worker: ${each}`).join('; ') || 'nothing is in the way';
  return found;
}

/** A dump that is lost with its machine is made again: what was restored of it is dropped first. */
async function replace(work: InPlaceRun): Promise<{ done: ReplicaCheck; dump: ProvenDump }> {
  const { replica, run } = work;
  for (let dumps = 1; ; dumps += 1) {
    const dump = dumps === 1 && work.goesOn ? await formerDump(work) : await newDump(work);
    const done = await restore(work);
    if (done) return { done, dump };
    if (dumps >= replica.full.snapshotsMax)
      throw failure(
        'ArchiveFailed',
        `the dump was not on the worker that should restore it, ${dumps} times: let workers share one work directory`,
      );
    run.warn('the dump is made again: the worker that should restore it does not have it');
  }
}

async function formerDump({ copy, plan, run }: InPlaceRun): Promise<ProvenDump> {
  const found = await patient(`find the dump of run ${copy.run}`, 3600).findDump({ copy });
  if (!found)
    throw failure('PreflightFailed', `the dump of run ${copy.run} is not on this worker, or is not what was written: start without dumpOf`);
  run.notNeeded(plan.dump, `the dump of run ${copy.run}, begun ${found.begunAt}`);
  run.notNeeded(plan.prove, `its checksum is ${found.sha256}`);
  return found;
}

async function newDump({ replica, copy, plan, run, sourceBytes }: InPlaceRun): Promise<ProvenDump> {
  const { retries, full } = replica;
  await run.step(plan.dump, async (record) => {
    const look = async (): Promise<void> => {
      const seen = await probe('progress of the dump').readInPlaceProgress({ copy });
      if (!seen || record.state !== 'running') return;
      record.note = `${(seen.dumpBytes / 1e6).toFixed(0)} MB`;
      run.progress.estimate = { doneBytes: seen.dumpBytes, totalBytes: Math.round(sourceBytes * replica.limits.dumpShare) };
    };
    const dump = (): Promise<{ sizeBytes: number }> =>
      patientFor(plan.dump.title, retries).dumpSource({ copy, idleSeconds: full.snapshotIdleSeconds });
    const { sizeBytes } = await lookingOn('the dump', look, dump);
    delete run.progress.estimate;
    record.note = `${(sizeBytes / 1e6).toFixed(1)} MB`;
  });
  return run.step(plan.prove, async (record) => {
    const proven = await patientFor(plan.prove.title, retries).proveDump({ copy });
    record.note = `${proven.tables} tables, ${proven.rows} rows, sha256 ${proven.sha256}`;
    return proven;
  });
}

/** @returns null when the dump is not on the worker. */
async function restore({ replica, copy, plan, run }: InPlaceRun): Promise<ReplicaCheck | null> {
  const { retries, full } = replica;
  const { snapshotIdleSeconds: idleSeconds, indexMemoryMegabytes: memoryMegabytes, atOnceMax: jobs } = full;
  const down = { id: 'warehouse', title: `warehouse of ${replica.name}: empty or half full`, commands: [goOnCommand(replica, copy.run)] };
  await run.step(plan.empty, async (record) => {
    run.takeDown({ ...down, back: 'never' });
    try {
      const done = await patientFor(plan.empty.title, retries).emptyTarget({ copy });
      record.note = `${done.dropped} objects; ${done.views.length} views of others to be created again; ${done.cut.length} foreign keys dropped`;
    } catch (error) {
      // One transaction: what it refused it did not do.
      if (describeFailure(error).type === 'PreflightFailed') run.broughtBack(down.id);
      throw error;
    }
  });
  const parts: [PlannedStep, (record: StepRecord) => Promise<boolean>][] = [
    [plan.define, async (record) => noted(run, record, await patientFor(plan.define.title, retries).defineInPlace({ copy, idleSeconds }))],
    [
      plan.restore,
      async (record) => {
        const look = async (): Promise<void> => {
          const seen = await probe('progress of the restore').readInPlaceProgress({ copy });
          if (!seen || record.state !== 'running') return;
          record.note = `${seen.itemsDone} of ${seen.items} started items are done`;
        };
        const play = () => patientFor(plan.restore.title, retries).restoreInPlace({ copy, jobs, memoryMegabytes, idleSeconds });
        return noted(run, record, await lookingOn('the restore', look, play));
      },
    ],
  ];
  for (const [planned, play] of parts) if (!(await run.step(planned, play))) return null;
  await run.step(plan.finish, async (record) => {
    const { made, warnings } = await patientFor(plan.finish.title, retries).finishInPlace({ copy, memoryMegabytes });
    for (const warning of warnings) run.warn(warning);
    record.note = made.join(', ') || 'nothing was missing';
  });
  const check = await run.step(plan.verify, async (record) => {
    const found = await patientFor(plan.verify.title, retries).verifyInPlace({ copy });
    record.note = `${found.tables.length} tables equal, ${found.indexes} indexes, ${found.constraints} foreign keys, ${found.sequences} sequences`;
    return found;
  });
  run.broughtBack(down.id);
  return check;
}

function noted(run: Run, record: StepRecord, part: { items: number; stood: number; warnings: string[] } | null): boolean {
  if (!part) return false;
  for (const warning of part.warnings) run.warn(warning);
  record.note = `${part.items} items${part.stood > 0 ? `, ${part.stood} were there already` : ''}`;
  return true;
}

/** Nothing stays on the worker, unless the warehouse is half full: then the failure says so, and how to go on. */
async function leave(replica: PixReplica, copy: InPlaceCopy, run: Run, failed: { error: unknown } | null): Promise<void> {
  const outcome = failed ? 'notReplaced' : 'replaced';
  const since = run.progress.down.find(({ id }) => id === 'warehouse')?.sinceAt;
  let left: { halfFull: boolean; dump: string | null };
  try {
    left = await patient(`clear what the run of ${replica.name} needed`, 600).discardInPlace({ copy, outcome });
  } catch (error) {
    run.warn(`files of run ${copy.run} may stay in the worker's work directory: ${describeFailure(error).message}`);
    // What cannot be looked at is taken for the worse.
    left = { halfFull: since !== undefined, dump: null };
  }
  if (!failed || !left.halfFull) {
    run.broughtBack('warehouse');
    return;
  }
  // Its remedy speaks of the other method, where a former copy is in use.
  const why = withoutRemedy(describeFailure(failed.error).message);
  const dump = left.dump ? `the dump stays on the worker (${left.dump})` : 'the dump is not known to be there';
  throw failure(
    'PlatformNotRestored',
    `the warehouse is empty or half full${since ? ` since ${since}` : ''}: ${why}; ${dump}; go on with: ${goOnCommand(replica, left.dump ? copy.run : null)}`,
    { cause: describeFailure(failed.error).type, dump: left.dump },
  );
}

function goOnCommand({ name }: PixReplica, dumpOf: string | null): string {
  const input = { replica: name, full: { method: 'inPlace' }, ...(dumpOf === null ? {} : { dumpOf }) };
  return `temporal workflow start --type pixFullReplication --task-queue operations --workflow-id pix/full/${name} --input '${JSON.stringify(input)}'`;
}
