import { setTimeout as pause } from 'node:timers/promises';

import { WorkflowNotFoundError, type WorkflowExecutionInfo } from '@temporalio/client';

import type { Say } from '../../setup/installer.contract.ts';
import type { Temporal } from './openTemporal.ts';

const limitMs = 300_000;
const pauseMs = 200;

/**
 * Cancels every run that is under way on the task queue, whoever began it and whatever its id, and waits until each has brought back what it took down.
 * Throws with the ids of those that have not ended after `limitMs`.
 */
export async function endRuns({ client, taskQueue }: Pick<Temporal, 'client' | 'taskQueue'>, say: Say): Promise<void> {
  const query = `TaskQueue = '${taskQueue}' AND ExecutionStatus = 'Running'`;
  const cancelled = new Set<string>();
  for (const deadline = Date.now() + limitMs; ; await pause(pauseMs)) {
    const open: WorkflowExecutionInfo[] = [];
    for await (const run of client.workflow.list({ query })) open.push(run);
    if (open.length === 0) return;
    if (Date.now() > deadline)
      throw new Error(`${open.map(({ workflowId }) => workflowId).join(', ')} under way ${limitMs / 1000} s after the cancel`);
    for (const { workflowId, runId, parentExecution } of open) {
      // Children end with their parents.
      if (parentExecution || cancelled.has(runId)) continue;
      cancelled.add(runId);
      say(`run ${workflowId}: cancelled; waiting until what it took down is back …`);
      await client.workflow
        .getHandle(workflowId, runId)
        .cancel()
        .catch((error: unknown) => {
          // It ended meanwhile.
          if (!(error instanceof WorkflowNotFoundError)) throw error;
        });
    }
  }
}
