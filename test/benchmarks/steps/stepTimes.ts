import type { WorkflowHandle } from '@temporalio/client';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;
type HistoryEvent = NonNullable<History['events']>[number];

/** Where the time of one step goes, in milliseconds, by the server's own clock in the history. */
export interface StepTime {
  /** From the schedule of this step's activity to that of the next (of the last step: to the end of its workflow task). */
  whole: number;
  /** Activity scheduled until a worker has it. */
  activityPickup: number;
  /** The activity itself, with its result on the way to the server. */
  activity: number;
  /** Activity completed until a worker has the workflow task. */
  workflowPickup: number;
  /** The workflow's code, with its answer on the way to the server. */
  workflow: number;
}

/** Reads the steps of a run whose activities follow one another. */
export function readStepTimes({ events }: History): StepTime[] {
  const found: StepTime[] = [];
  const list = events ?? [];
  for (const [index, scheduled] of list.entries()) {
    if (!scheduled.activityTaskScheduledEventAttributes) continue;
    const after = list.slice(index + 1, index + 8);
    const started = after.find(({ activityTaskStartedEventAttributes: each }) => each);
    const completed = after.find(({ activityTaskCompletedEventAttributes: each }) => each);
    const taken = after.find(({ workflowTaskStartedEventAttributes: each }) => each);
    const answered = after.find(({ workflowTaskCompletedEventAttributes: each }) => each);
    if (!started || !completed || !taken || !answered) throw new Error('the history of the benchmark lacks an event of a step');
    found.push({
      whole: msOf(answered) - msOf(scheduled),
      activityPickup: msOf(started) - msOf(scheduled),
      activity: msOf(completed) - msOf(started),
      workflowPickup: msOf(taken) - msOf(completed),
      workflow: msOf(answered) - msOf(taken),
    });
  }
  return found;
}

function msOf({ eventTime }: HistoryEvent): number {
  return Number(eventTime?.seconds ?? 0) * 1000 + (eventTime?.nanos ?? 0) / 1e6;
}
