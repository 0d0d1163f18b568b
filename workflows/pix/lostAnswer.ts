import { CancellationScope } from '@temporalio/workflow';

import type { Runbook } from '../runbook/beginRunbook.ts';
import { describeFailure } from '../runbook/failures.ts';

/**
 * An act that takes something into use may have done so although its answer was lost (time-out, cancel, a connection cut at its end): the database knows, and the
 * run must not say otherwise. Throws `error` when it was not done, or when that cannot be read; then a warning begins with `doubt`.
 */
export async function unlessDone<Report>(
  error: unknown,
  runbook: Runbook,
  { read, doubt }: { read: () => Promise<Report | null>; doubt: string },
): Promise<Report> {
  return CancellationScope.nonCancellable(async () => {
    try {
      const done = await read();
      if (done !== null) return done;
    } catch (unread) {
      runbook.warn(`${doubt}: ${describeFailure(unread).message}`);
    }
    throw error;
  });
}
