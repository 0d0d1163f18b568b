import { WorkflowNotFoundError, type Client, type WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { tsToMs } from '@temporalio/common/lib/time.js';

import type { RunProgress } from '../../workflows/runbook/runbook.contract.ts';
import { chainType, timesOfRun, type OwnRunTimes, type RecordedActivity, type RecordedRun } from './ownRunTimes.ts';

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
  const described = await client.workflow
    .getHandle(workflowId, runId)
    .describe()
    .catch((error: unknown) => {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      throw new Error(`no run ${workflowId}${runId ? ` with run id ${runId}` : ''} is known in namespace ${client.options.namespace}`);
    });
  const events = (await client.workflow.getHandle(workflowId, described.runId).fetchHistory()).events ?? [];
  const children = events.flatMap(({ childWorkflowExecutionStartedEventAttributes: started }) => {
    const { workflowId: id, runId: childRunId } = started?.workflowExecution ?? {};
    return started?.workflowType?.name?.startsWith('pix') && id && childRunId ? [readRun(client, id, childRunId)] : [];
  });
  return {
    ...{ workflowId, runId: described.runId, type: described.type, status: described.status.name },
    beganMs: described.startTime.getTime(),
    endedMs: described.closeTime?.getTime() ?? null,
    activities: activitiesOf(events),
    children: await Promise.all(children),
  };
}

function activitiesOf(events: readonly RecordedEvent[]): RecordedActivity[] {
  const found = new Map<string, RecordedActivity>();
  for (const event of events) {
    const atMs = tsToMs(event.eventTime);
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled)
      found.set(String(event.eventId), {
        activity: scheduled.activityType?.name ?? '',
        input: decoded(scheduled.input?.payloads?.[0]),
        ...{ beganMs: atMs, endedMs: null, completed: false },
      });
    const completed = event.activityTaskCompletedEventAttributes;
    const ended =
      completed ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes ??
      event.activityTaskCanceledEventAttributes;
    const activity = found.get(String(ended?.scheduledEventId));
    if (activity) Object.assign(activity, { endedMs: atMs, completed: Boolean(completed) });
  }
  return [...found.values()];
}

/** An input that a codec has encrypted is of no known kind. */
function decoded(payload: Payload | undefined): unknown {
  try {
    return payload ? defaultPayloadConverter.fromPayload(payload) : null;
  } catch {
    return null;
  }
}

async function waitingSteps(client: Client, { workflowId, runId }: RecordedRun): Promise<string[]> {
  const handle = client.workflow.getHandle(workflowId, runId);
  const progress = await client.withDeadline(Date.now() + queryLimitMs, () => handle.query<RunProgress>('progress')).catch(() => null);
  return (progress?.steps ?? []).flatMap(({ id, state }) => (state === 'waiting' ? [id] : []));
}
