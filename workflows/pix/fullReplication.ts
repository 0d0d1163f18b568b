import { CancellationScope, workflowInfo } from '@temporalio/workflow';

import type { BesideInspection } from '../../activities/postgres/beside/beside.contract.ts';
import { failure } from '../../activities/failure.ts';
import type { Runbook } from '../runbook/beginRunbook.ts';
import { secondsSince } from '../runbook/elapsed.ts';
import { describeFailure } from '../runbook/failures.ts';
import { patient, quick } from '../runbook/profiles.ts';
import { withRestore } from '../runbook/withRestore.ts';
import { besideCopyOf } from './besideCopy.ts';
import { buildBeside } from './buildBeside.ts';
import { planFull, stepsOf } from './fullPlan.ts';
import type {
  FullReplicationInput,
  FullReplicationPlanReport,
  FullReplicationReport,
  FullReplicationRequest,
  InPlaceReplicationReport,
} from './fullReplication.contract.ts';
import { inPlaceSteps, planInPlace } from './inPlacePlan.ts';
import { describeInPlace, replaceInPlace } from './replaceInPlace.ts';
import type { PixReplica } from './replica.contract.ts';
import { runPixProcedure } from './runPixProcedure.ts';

type FullReplicationAnswer = FullReplicationReport | InPlaceReplicationReport | FullReplicationPlanReport;

/**
 * Replaces the warehouse with a fresh copy of production: a consistent copy is built next to the one in use, verified, and put into use in one short transaction.
 * With full.method inPlace as the seed does it: dumped into a file, emptied, restored.
 *
 * Runbook   pix 8 to 22 in deploy/systems/pix.md: dump, restore, filter rules, compatibility view, enrichment.
 * Downtime  none: readers have the former copy until the swap, which gives way to them. In place: from the emptying to the check.
 * Needs     room on the target for a second copy (in place: on the worker for a dump); a user that owns the tables it replaces; pg_dump on the worker.
 *           The source may be a hot standby, best with hot_standby_feedback.
 * On error  the former copy stays in use; what was built is dropped. In place: PlatformNotRestored when the warehouse is half full, with the command that goes on.
 * To stop   cancel.
 */
export async function pixFullReplication(input: FullReplicationInput): Promise<FullReplicationAnswer> {
  return runPixProcedure<FullReplicationRequest, FullReplicationAnswer>(
    'pixFullReplication',
    input,
    ({ replica }) => (isInPlace(replica) ? inPlaceSteps(planInPlace(replica)) : stepsOf(planFull(replica))),
    (request, runbook, beganMs) => (isInPlace(request.replica) ? replaceInPlace : replaceBeside)(request, runbook, beganMs),
    {
      instead: (request) => (!request.dryRun ? null : isInPlace(request.replica) ? describeInPlace(request) : describe(request.replica)),
      cancelled: ({ replica }) =>
        isInPlace(replica) ? 'the warehouse is as it was, the dump is deleted' : 'the former copy is in use, what was built is dropped',
      guarded: true,
    },
  );
}

function isInPlace({ full }: PixReplica): boolean {
  return full.method === 'inPlace';
}

async function replaceBeside({ replica }: FullReplicationRequest, runbook: Runbook, beganMs: number): Promise<FullReplicationReport> {
  const copy = besideCopyOf(replica, workflowInfo().runId);
  const plan = planFull(replica);
  const inspection = await runbook.step(plan.inspect, async () => {
    const seen = await patient('look at source and target', 300).inspectBeside({ copy, limits: replica.limits });
    refuse(seen);
    return seen;
  });
  for (const warning of inspection.warnings) runbook.warn(warning);
  const built = await withRestore({
    work: () => buildBeside({ replica, copy, plan, runbook, inspection }),
    restore: () => tidy(replica, copy, runbook),
  });
  return report(replica, runbook, beganMs, built);
}

/** Every reason at once, before anything is touched (pix 17). */
function refuse({ faults, obstacles }: BesideInspection): void {
  if (faults.length > 0) throw failure('PreflightFailed', `${faults.length} faults: ${faults.join(' | ')}`, { faults });
  if (obstacles.length > 0) throw failure('BesideNotPossible', `${obstacles.length} obstacles: ${obstacles.join(' | ')}`, { obstacles });
}

/** Whatever became of the work: the snapshot is released, the schema that was built in is empty (pix 18). What stays is reported. */
async function tidy(replica: PixReplica, copy: ReturnType<typeof besideCopyOf>, runbook: Runbook): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    try {
      await quick(`release the snapshot of ${replica.source.name}`).releaseSnapshot({ copy });
    } catch (error) {
      runbook.warn(
        `the snapshot on the ${replica.source.name} may stay open for up to ${replica.full.snapshotIdleSeconds} s more: ${describeFailure(error).message}`,
      );
    }
    try {
      await patient(`drop what was built for ${replica.name}`, 600).discardBeside({ copy });
    } catch (error) {
      runbook.warn(`schema nightshift_next stays on the ${replica.target.name} until the next run: ${describeFailure(error).message}`);
    }
  });
}

async function describe(replica: PixReplica): Promise<FullReplicationPlanReport> {
  const copy = besideCopyOf(replica, workflowInfo().runId);
  const inspection = await patient('look at source and target', 300).inspectBeside({ copy, limits: replica.limits });
  return {
    replica: replica.name,
    dryRun: true,
    method: 'beside',
    source: inspection.source,
    target: inspection.target,
    steps: stepsOf(planFull(replica)),
    tables: [
      ...inspection.tables.map((table) => ({ ...table, mode: 'default' as const })),
      ...Object.entries(replica.tables).map(([name, mode]) => ({ name, mode, estimatedRows: 0, bytes: 0 })),
    ],
    faults: [...inspection.faults, ...inspection.obstacles],
    warnings: inspection.warnings,
  };
}

function report(
  replica: PixReplica,
  { progress }: Runbook,
  beganMs: number,
  built: Awaited<ReturnType<typeof buildBeside>>,
): FullReplicationReport {
  const endedAt = new Date();
  return {
    replica: replica.name,
    method: 'beside',
    beganAt: new Date(beganMs).toISOString(),
    endedAt: endedAt.toISOString(),
    seconds: secondsSince(beganMs, endedAt.getTime()),
    ...built,
    undo: `temporal workflow start --type pixUndoReplication --task-queue operations --workflow-id pix/undo/${replica.name} --input '{"replica":"${replica.name}"}'`,
    steps: progress.steps,
    decisions: progress.decisions,
    warnings: progress.warnings,
  };
}
