import { CancellationScope } from '@temporalio/workflow';

import type { BesideCopy, SwapReport } from '../../activities/postgres/beside/beside.contract.ts';
import type { Runbook } from '../runbook/beginRunbook.ts';
import { describeFailure } from '../runbook/failures.ts';
import { probe } from '../runbook/profiles.ts';

/** A swap may have been done although its answer was lost (time-out, cancel): the target knows, and the run must not say otherwise. Throws `error` when it was not. */
export async function unlessDone(copy: BesideCopy, act: 'swap' | 'undo', runbook: Runbook, error: unknown): Promise<SwapReport> {
  return CancellationScope.nonCancellable(async () => {
    try {
      const done = await probe(`was the ${act} done?`).readSwap({ copy, act });
      if (done) return done;
    } catch (unknown) {
      runbook.warn(
        `which copy is in use on the ${copy.target.name} is not known, the ${act} gave no answer: ${describeFailure(unknown).message}`,
      );
    }
    throw error;
  });
}
