import { CancellationScope, condition, workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import { alongside } from './alongside.ts';
import { isCancellation } from './failures.ts';
import type { FramedRun } from './run.ts';
import type { RunPolicy } from './runbook.contract.ts';

/** The server ends a run whose history has 50 MiB. */
const historyBytesMax = 40 * 1024 * 1024;

/**
 * Runs work that can be ended for a reason: a person's `abort`, a pause whose time is over, a history that grows too long, or whoever calls `stop`. The work is
 * ended as by a cancel, with all that it puts back, and the reason is thrown in its place (pix 35). A failure of the work itself, or of what it puts back, is thrown as it is.
 */
export async function stoppable<Result>(
  run: FramedRun,
  { historyEventsMax }: RunPolicy,
  work: (stop: (reason: Error) => void) => Promise<Result>,
): Promise<Result> {
  const scope = new CancellationScope({ cancellable: true });
  const stop = (why: Error): void => {
    if (run.stopReason || ['done', 'failed', 'cancelled'].includes(run.progress.state)) return;
    run.stopReason = why;
    scope.cancel();
  };
  run.onAbort(({ by, why }) => stop(failure('StepAborted', `the run was aborted by ${by}${why ? `: ${why}` : ''}`)));
  const guardHistory = async (): Promise<void> => {
    await condition(() => workflowInfo().historyLength >= historyEventsMax || workflowInfo().historySize >= historyBytesMax);
    const { historyLength, historySize } = workflowInfo();
    stop(
      failure(
        'HistoryTooLong',
        `the run has ${historyLength} events in its history (${historySize} bytes); its work ends here, while there is room to bring everything back`,
      ),
    );
  };
  try {
    return await alongside(
      async () => void (await Promise.all([guardHistory(), endPauses(run, stop)])),
      () => scope.run(() => work(stop)),
    );
  } catch (error) {
    if (run.stopReason && isCancellation(error)) throw run.stopReason;
    throw error;
  } finally {
    run.pauses?.lift('operator', 'guard', 'above');
  }
}

/** A pause never lasts longer than its limit, whoever began it: then the run goes on or stops, by its policy. */
async function endPauses(run: FramedRun, stop: (reason: Error) => void): Promise<void> {
  const { pauses } = run;
  if (!pauses) return;
  for (;;) {
    const { origin, by, why } = await pauses.untilOver();
    const { limitSeconds, whenPauseEnds } = pauses.policy;
    const past = `paused by ${by} (${why}) and not resumed within ${limitSeconds} s`;
    run.decide({ subject: 'the pause', choice: whenPauseEnds === 'goOn' ? 'resume' : 'stop', by: 'the limit of a pause', why: past });
    if (whenPauseEnds === 'stop') return stop(failure('LoadTooHigh', `the run was ${past}`, { pausedBy: by }));
    run.warn(`${past}: the run goes on`);
    pauses.lift(origin);
  }
}
