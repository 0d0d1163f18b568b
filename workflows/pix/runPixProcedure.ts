import { workflowInfo } from '@temporalio/workflow';

import { beginRunbook, type Runbook } from '../runbook/beginRunbook.ts';
import { CancelledFailure, isCancellation, readableFailure } from '../runbook/failures.ts';
import { holdPlatform } from '../runbook/holdPlatform.ts';
import { readInput } from '../runbook/readInput.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import { pausePolicyOf, underLoadGuard } from './loadGuard.ts';
import type { PixReplica } from './replica.contract.ts';

export interface PixProcedureOptions<Request, Report> {
  /** The answer to a request that touches nothing, for example a dry run: without lock and marks. Null: the work is wanted. */
  instead?: (request: Request) => Promise<Report> | null;
  /** What a cancelled run says of the state that it leaves. */
  cancelled?: string | ((request: Request) => string);
  /** The work can be paused, and is watched by the replica's load guard. */
  guarded?: boolean;
  /** A step that failed is never held: its steps are procedures that hold their own. */
  neverHolds?: boolean;
}

/**
 * What every procedure of a replica does around its work: input, lock (a part of a chain stands under the chain's), marks, and an end that says what was.
 * @param steps those known beforehand; the work may add to them.
 */
export async function runPixProcedure<Request extends { replica: PixReplica }, Report>(
  procedure: string,
  input: unknown,
  steps: PlannedStep[] | ((request: Request) => PlannedStep[]),
  work: (request: Request, runbook: Runbook, beganMs: number) => Promise<Report>,
  { instead, cancelled = 'nothing half-done is in use', guarded = false, neverHolds = false }: PixProcedureOptions<Request, Report> = {},
): Promise<Report> {
  const request = await readInput<Request>(procedure, input);
  const answer = instead?.(request) ?? null;
  if (answer !== null) return answer;
  const { replica } = request;
  const { parent, startTime } = workflowInfo();
  const planned = typeof steps === 'function' ? steps(request) : steps;
  const runbook = beginRunbook({
    ...{ procedure, system: 'pix', target: replica.name, steps: planned, ...replica.policy },
    ...(neverHolds ? { onStepFailure: 'unwind' as const } : {}),
    ...(guarded ? { pauses: pausePolicyOf(replica) } : {}),
  });
  const release = parent ? async () => undefined : await holdPlatform(runbook, 'pix', replica.name);
  try {
    const doWork = (): Promise<Report> => work(request, runbook, startTime.getTime());
    const report = await (guarded ? underLoadGuard(replica, runbook, doWork) : doWork());
    runbook.setState('done');
    return report;
  } catch (error) {
    if (isCancellation(error)) {
      runbook.setState('cancelled');
      throw new CancelledFailure(`cancelled; ${typeof cancelled === 'function' ? cancelled(request) : cancelled}`);
    }
    runbook.setState('failed');
    const { steps: marks, warnings } = runbook.progress;
    throw readableFailure(error, { replica: replica.name, failedSteps: marks.filter(({ state }) => state === 'failed'), warnings });
  } finally {
    await release();
  }
}
