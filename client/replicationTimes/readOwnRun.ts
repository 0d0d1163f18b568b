import { WorkflowNotFoundError, type Client, type WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { tsToMs } from '@temporalio/common/lib/time.js';

import type { RunProgress } from '../../workflows/runbook/runbook.contract.ts';
import type { OwnRunTimes, RecordedActivity, RecordedRun, RunStatus } from './ownRuns.contract.ts';
import { chainType, timesOfRun } from './ownRunTimes.ts';

type RecordedEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

const types = [chainType, 'pixFullReplication', 'pixIncrementalReplication', 'pixLearningContent', 'pixNotification'];
/** The question goes to a worker; without one the rest is known all the same. */
const queryLimitMs = 30_000;

/** Durations of one run of ours, from its history and those of its children. Throws messages for a person. */
export async function readOwnRun(client: Client, workflowId: string, runId?: string): Promise<OwnRunTimes> {
  const run = await readRun(client, workflowId, runId);
  if (!types.includes(run.type)) throw new Error(`${workflowId} is a run of ${run.type}; this report is for runs of ${types.join(', ')}`);
  return timesOfRun(run, run.status === 'COMPLETED' ? [] : await waitingSteps(client, run), Date.now());
}

async function readRun(client: Client, workflowId: string, runId?: string): Promise<RecordedRun> {
  const handle = client.workflow.getHandle(workflowId, runId);
  const described = await handle.describe().catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError)
      throw new Error(`no run ${workflowId}${runId ? ` with run id ${runId}` : ''} is known in namespace ${client.options.namespace}`);
    throw error;
  });
  const events = (await client.workflow.getHandle(workflowId, described.runId).fetchHistory()).events ?? [];
  const children = childrenOf(events);
  return {
    ...{ workflowId, runId: described.runId, type: described.type, status: described.status.name as RunStatus },
    beganMs: described.startTime.getTime(),
    endedMs: described.closeTime?.getTime() ?? null,
    activities: activitiesOf(events),
    children: await Promise.all(children.map((child) => readRun(client, child.workflowId, child.runId))),
  };
}

function childrenOf(events: readonly RecordedEvent[]): { workflowId: string; runId: string }[] {
  return events.flatMap(({ childWorkflowExecutionStartedEventAttributes: started }) => {
    const { workflowId, runId } = started?.workflowExecution ?? {};
    return started?.workflowType?.name?.startsWith('pix') && workflowId && runId ? [{ workflowId, runId }] : [];
  });
}

/** Also used for recorded histories. */
export function activitiesOf(events: readonly RecordedEvent[]): RecordedActivity[] {
  const found = new Map<string, RecordedActivity>();
  for (const event of events) {
    const atMs = tsToMs(event.eventTime);
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) {
      const [payload] = scheduled.input?.payloads ?? [];
      found.set(String(event.eventId), {
        activity: scheduled.activityType?.name ?? '',
        input: payload ? decoded(payload) : null,
        ...{ beganMs: atMs, endedMs: null, completed: false },
      });
    }
    const ended =
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes ??
      event.activityTaskCanceledEventAttributes;
    const activity = ended ? found.get(String(ended.scheduledEventId)) : undefined;
    if (activity) {
      activity.endedMs = atMs;
      activity.completed = Boolean(event.activityTaskCompletedEventAttributes);
    }
  }
  return [...found.values()];
}

/** An input that a codec has encrypted is of no known kind. */
function decoded(payload: Parameters<typeof defaultPayloadConverter.fromPayload>[0]): unknown {
  try {
    return defaultPayloadConverter.fromPayload(payload);
  } catch {
    return null;
  }
}

async function waitingSteps(client: Client, { workflowId, runId }: RecordedRun): Promise<string[]> {
  try {
    const { steps } = await client.withDeadline(Date.now() + queryLimitMs, () =>
      client.workflow.getHandle(workflowId, runId).query<RunProgress>('progress'),
    );
    return steps.flatMap(({ id, state }) => (state === 'waiting' ? [id] : []));
  } catch {
    return [];
  }
}
