import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { CancellationScope, ParentClosePolicy, sleep, startChild, workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { RunSummary } from '../../activities/runs/runs.contract.ts';
import { holdId, holdsQueue } from '../names.contract.ts';
import { inParallel } from './inParallel.ts';
import { quick } from './profiles.ts';

/** A busy server closes what a run that has ended held a while later. */
const attemptsMax = 40;
const firstPauseMs = 100;
const pauseMaxMs = 1_000;
const atOnceMax = 50;

/**
 * Holds things for this run alone. A hold is a child workflow with a fixed id: the server lets one be open, and closes it with its parent, however the
 * parent ends (done, failed, cancelled, terminated), so it never outlives its run and nothing has to be released. It stands on a task queue that
 * no worker serves: it costs none of them anything. Fails with AlreadyRunning, naming the run that holds one of the things.
 */
export async function hold([first, ...others]: readonly string[]): Promise<void> {
  if (first === undefined) return;
  // Of two runs that want the same things at the same moment one gets the first of them, and then all.
  await holdOne(first);
  await inParallel(others, atOnceMax, holdOne);
}

async function holdOne(thing: string): Promise<void> {
  const workflowId = holdId(thing);
  for (let attempt = 1, pauseMs = firstPauseMs; ; attempt++, pauseMs = Math.min(pauseMaxMs, pauseMs * 2)) {
    try {
      // Shielded: a cancelled run keeps what it holds until it has brought everything back.
      await CancellationScope.nonCancellable(() =>
        startChild('hold', {
          workflowId,
          taskQueue: holdsQueue,
          parentClosePolicy: ParentClosePolicy.TERMINATE,
          staticSummary: `${thing} is held by ${workflowInfo().workflowId}; ends with it`,
        }),
      );
      return;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    const holder = await quick(`who holds ${thing}?`).describeRun({ workflowId });
    if (attempt < attemptsMax && !(await isHeld(holder))) {
      await sleep(pauseMs, { summary: `${thing} is being released` });
      continue;
    }
    const holderId = holder?.parentWorkflowId ?? 'unknown';
    throw failure('AlreadyRunning', `${thing} is held by run "${holderId}", begun ${holder?.startedAt ?? 'at an unknown time'}`, {
      workflowId: holderId,
    });
  }
}

/**
 * Whether a hold stands for a run that is under way. One that is open for a moment after its run has ended (the server closes children afterwards), or that a
 * former run of this very id has left, does not.
 */
async function isHeld(held: RunSummary | null): Promise<boolean> {
  if (held?.status !== 'RUNNING') return false;
  const { parentWorkflowId } = held;
  if (parentWorkflowId === null) return true;
  if (parentWorkflowId === workflowInfo().workflowId) return false;
  const holder = await quick(`is ${parentWorkflowId} under way?`).describeRun({ workflowId: parentWorkflowId });
  return holder?.status === 'RUNNING';
}
