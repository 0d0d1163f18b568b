import { WorkflowNotFoundError, type Client } from '@temporalio/client';

import type { RunActivities } from './runs.contract.ts';

export function createRunActivities({ client }: { client: Client }): RunActivities {
  return {
    async describeRun({ workflowId }) {
      try {
        const run = await client.workflow.getHandle(workflowId).describe();
        return {
          workflowId: run.workflowId,
          runId: run.runId,
          type: run.type,
          status: run.status.name,
          startedAt: run.startTime.toISOString(),
          parentWorkflowId: run.parentExecution?.workflowId ?? null,
        };
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      }
    },
  };
}
