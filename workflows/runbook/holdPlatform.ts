import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { CancellationScope, ParentClosePolicy, sleep, startChild, workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { RunSummary } from '../../activities/runs/runs.contract.ts';
import { platformLockId } from '../names.contract.ts';
import type { Runbook } from './beginRunbook.ts';
import { isCancellation } from './failures.ts';
import { quick } from './profiles.ts';

/** A second apart: a busy server closes the lock of a run that has ended a while later. */
const attemptsMax = 30;

/**
 * Holds the platform for this run. The lock is a child workflow with a fixed id: the server lets one be open, and closes it
 * with its parent, however the parent ends (done, failed, cancelled, terminated), so a lock never outlives its run.
 * Fails with AlreadyRunning, naming the run that holds it; the run's state then says so.
 * @returns releases the lock.
 */
export async function holdPlatform(runbook: Runbook, system: string, platform: string): Promise<() => Promise<void>> {
  try {
    return await take(system, platform);
  } catch (error) {
    runbook.setState(isCancellation(error) ? 'cancelled' : 'failed');
    throw error;
  }
}

async function take(system: string, platform: string): Promise<() => Promise<void>> {
  const workflowId = platformLockId(system, platform);
  for (let attempt = 1; ; attempt++) {
    try {
      // Shielded: a cancelled run keeps its platform until it has brought it back.
      const child = await CancellationScope.nonCancellable(() =>
        startChild('platformLock', {
          workflowId,
          args: [{ platform }],
          parentClosePolicy: ParentClosePolicy.TERMINATE,
          staticSummary: `holds ${system} platform ${platform}`,
        }),
      );
      return async () => {
        await CancellationScope.nonCancellable(async () => {
          await child.signal('release');
          await child.result();
        });
      };
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    const holder = await quick(`who holds ${platform}?`).describeRun({ workflowId });
    if (attempt < attemptsMax && !(await isHeld(holder))) {
      await sleep('1 second', { summary: `the lock of ${platform} is being released` });
      continue;
    }
    const holderId = holder?.parentWorkflowId ?? 'unknown';
    throw failure(
      'AlreadyRunning',
      `platform ${platform} is held by run "${holderId}", started ${holder?.startedAt ?? 'at an unknown time'}`,
      {
        workflowId: holderId,
      },
    );
  }
}

/**
 * Whether the lock stands for a run that is under way. One that is open for a moment after its run has ended (the server closes children afterwards), or that a
 * former run of this very id has left, does not.
 */
async function isHeld(lock: RunSummary | null): Promise<boolean> {
  if (lock?.status !== 'RUNNING') return false;
  const { parentWorkflowId } = lock;
  if (parentWorkflowId === null) return true;
  if (parentWorkflowId === workflowInfo().workflowId) return false;
  const holder = await quick(`is ${parentWorkflowId} under way?`).describeRun({ workflowId: parentWorkflowId });
  return holder?.status === 'RUNNING';
}
