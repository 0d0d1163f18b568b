import { CancellationScope, workflowInfo } from '@temporalio/workflow';

import type { BesideCopy, BesideInspection } from '../../activities/warehouse/beside/beside.contract.ts';
import { failure } from '../../activities/failure.ts';
import { describeFailure } from '../runbook/failures.ts';
import { procedure, type Procedure } from '../runbook/procedure.ts';
import { patient, quick } from '../runbook/profiles.ts';
import type { Run } from '../runbook/run.ts';
import type { Look, PlanReport } from '../runbook/runbook.contract.ts';
import { buildBeside } from './buildBeside.ts';
import { planFull, type FullPlan } from './fullPlan.ts';
import type {
  FullReplicationFacts,
  FullReplicationReport,
  InPlaceReplicationFacts,
  InPlaceReplicationReport,
} from './fullReplication.contract.ts';
import { planInPlace, type InPlacePlan } from './inPlacePlan.ts';
import type { PixInput, PixRequest } from './inputs.schema.ts';
import { guardGates, pausePolicyOf, underLoadGuard } from './loadGuard.ts';
import { besideCopyOf, ofReplica } from './ofReplica.ts';
import { replaceInPlace } from './replaceInPlace.ts';
import type { PixReplica } from './replica.contract.ts';

type Request = PixRequest<'pixFullReplication'>;

export const fullReplication: Procedure<Request, FullPlan | InPlacePlan> = {
  ...ofReplica,
  type: 'pixFullReplication',
  plan: ({ replica }) => (replica.full.method === 'inPlace' ? planInPlace(replica) : planFull(replica)),
  pauses: ({ replica }) => pausePolicyOf(replica),
  gates: ({ replica }) => [
    replica.full.method === 'inPlace'
      ? 'in place: readers see errors from the emptying to the check, and no former copy is left'
      : `beside: readers have the former copy until the swap, which gives way to them for up to ${replica.full.swapLimitSeconds} s`,
    ...guardGates(replica),
  ],
  needsLook: 'beside, every table, index and key gets a step of its own',
  look: ({ replica, dumpOf }) => look(replica, dumpOf ?? workflowInfo().runId),
  cancelled: ({ replica }) =>
    replica.full.method === 'inPlace'
      ? 'the warehouse is as it was, the dump is deleted'
      : 'the former copy is in use, what was built is dropped',
};

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
export async function pixFullReplication(
  input: PixInput<'pixFullReplication'>,
): Promise<FullReplicationReport | InPlaceReplicationReport | PlanReport> {
  return procedure(fullReplication, input, (context) =>
    underLoadGuard<FullReplicationFacts | InPlaceReplicationFacts>(context, () => {
      const { request, plan, run } = context;
      return plan.method === 'inPlace' ? replaceInPlace(request, plan, run) : replaceBeside(request.replica, plan, run);
    }),
  );
}

async function replaceBeside(replica: PixReplica, plan: FullPlan, run: Run): Promise<FullReplicationFacts> {
  const copy = besideCopyOf(replica, workflowInfo().runId);
  const inspection = await run.step(plan.inspect, async () => {
    const seen = await inspectBeside(replica, copy);
    refuse(seen);
    return seen;
  });
  for (const warning of inspection.warnings) run.warn(warning);
  try {
    return {
      method: 'beside',
      ...(await buildBeside({ replica, copy, plan, run, inspection })),
      undo: `temporal workflow start --type pixUndoReplication --task-queue operations --workflow-id pix/undo/${replica.name} --input '{"replica":"${replica.name}"}'`,
    };
  } finally {
    await tidy(replica, copy, run);
  }
}

function inspectBeside(replica: PixReplica, copy: BesideCopy): Promise<BesideInspection> {
  return patient('look at source and target', 300).inspectBeside({ copy, limits: replica.limits });
}

/** Every reason at once, before anything is touched. */
function refuse({ faults, obstacles }: BesideInspection): void {
  if (faults.length > 0) throw failure('PreflightFailed', `${faults.length} faults: ${faults.join(' | ')}`, { faults });
  if (obstacles.length > 0) throw failure('BesideNotPossible', `${obstacles.length} obstacles: ${obstacles.join(' | ')}`, { obstacles });
}

/** Whatever became of the work: the snapshot is released, the schema that was built in is empty. What stays is told. */
async function tidy(replica: PixReplica, copy: BesideCopy, run: Run): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    try {
      await quick(`release the snapshot of ${replica.source.name}`).releaseSnapshot({ copy });
    } catch (error) {
      run.warn(
        `the snapshot on the ${replica.source.name} may stay open for up to ${replica.full.snapshotIdleSeconds} s more: ${describeFailure(error).message}`,
      );
    }
    try {
      await patient(`drop what was built for ${replica.name}`, 600).discardBeside({ copy });
    } catch (error) {
      run.warn(`schema nightshift_next stays on the ${replica.target.name} until the next run: ${describeFailure(error).message}`);
    }
  });
}

/** Faults and obstacles, and every table with its mode. */
async function look(replica: PixReplica, run: string): Promise<Look> {
  const copy = besideCopyOf(replica, run);
  const { method } = replica.full;
  const { source, target, tables, faults, warnings, obstacles } =
    method === 'inPlace'
      ? { ...(await patient('look at source and target', 300).inspectInPlace({ copy, limits: replica.limits })), obstacles: [] }
      : await inspectBeside(replica, copy);
  return {
    faults: [...faults, ...obstacles],
    warnings,
    facts: {
      ...{ method, source, target },
      tables: [
        ...tables.map((table) => ({ ...table, mode: 'default' })),
        ...Object.entries(replica.tables).map(([name, mode]) => ({ name, mode, estimatedRows: 0, bytes: 0 })),
      ],
    },
  };
}
