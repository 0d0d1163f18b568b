import { CancellationScope } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { Runbook } from './beginRunbook.ts';
import { besideOf } from './besideOf.ts';
import { isCancellation } from './failures.ts';

/**
 * Runs work that can be ended for a reason: a person's `abort`, a pause whose time is over, or whoever calls `stop`. The work is ended as by a cancel, with all that
 * it puts back, and the reason is thrown in its place (pix 35). A failure of the work itself, or of what it puts back, is thrown as it is.
 */
export async function stoppable<Result>(runbook: Runbook, work: (stop: (reason: Error) => void) => Promise<Result>): Promise<Result> {
  const scope = new CancellationScope({ cancellable: true });
  const reasons: Error[] = [];
  const stop = (why: Error): void => {
    if (reasons.length > 0 || hasEnded(runbook)) return;
    reasons.push(why);
    scope.cancel();
  };
  runbook.onAbort(({ by, why }) => stop(failure('StepAborted', `the run was aborted by ${by}${why ? `: ${why}` : ''}`)));
  try {
    return await besideOf(
      () => endPauses(runbook, stop),
      () => scope.run(() => work(stop)),
    );
  } catch (error) {
    const [reason] = reasons;
    if (reason && isCancellation(error)) throw reason;
    throw error;
  } finally {
    runbook.pauses?.lift('operator', 'guard', 'above');
  }
}

/** A pause never lasts longer than its limit, whoever began it: then the run goes on or stops, by its policy. */
async function endPauses(runbook: Runbook, stop: (reason: Error) => void): Promise<void> {
  const { pauses } = runbook;
  if (!pauses) return;
  for (;;) {
    const { origin, by, why } = await pauses.untilOver();
    const { limitSeconds, whenPauseEnds } = pauses.policy;
    const told = `paused by ${by} (${why}) and not resumed within ${limitSeconds} s`;
    runbook.decide({ subject: 'the pause', choice: whenPauseEnds === 'goOn' ? 'resume' : 'stop', by: 'the limit of a pause', why: told });
    if (whenPauseEnds === 'stop') return stop(failure('LoadTooHigh', `the run was ${told}`, { pausedBy: by }));
    runbook.warn(`${told}: the run goes on`);
    pauses.lift(origin);
  }
}

function hasEnded({ progress }: Runbook): boolean {
  return ['done', 'failed', 'cancelled'].includes(progress.state);
}
