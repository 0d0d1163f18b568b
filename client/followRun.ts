import type { Client, WorkflowHandle, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';

import type { RunProgress, StepRecord } from '../workflows/runbook/runbook.contract.ts';

export type Say = (line: string) => void;

const pollMs = 500;
const copyLineEveryMs = 2_000;

/**
 * Follows a run to its end, telling each step once when it ends, copies with bytes and rate (read from the heartbeats of the activity under way),
 * questions and holds when they open. Resolves when the run has ended, however it ended, or when `stop` aborts.
 */
export async function followRun(handle: WorkflowHandle, say: Say, stop?: AbortSignal): Promise<void> {
  const told = new Set<string>();
  let phase = '';
  let copiesToldMs = 0;
  let ended = false;
  const end = handle.result().then(
    () => undefined,
    () => undefined,
  );
  void end.then(() => {
    ended = true;
  });
  for (;;) {
    const last = ended || stop?.aborted === true;
    const progress = await handle.query<RunProgress>('progress').catch(() => null);
    if (progress) {
      for (const step of progress.steps) {
        const mark = `${step.id} ${step.state} ${step.attempts}`;
        if (told.has(mark) || step.state === 'waiting') continue;
        // Phases that go on side by side: a heading comes again with what has ended under it, not with what begins.
        const opens = step.state === 'running' ? !told.has(`phase ${step.phase}`) : step.state !== 'notNeeded' && step.phase !== phase;
        if (opens) {
          phase = step.phase;
          told.add(`phase ${phase}`);
          say(`\n${phase}`);
        }
        if (step.state === 'running') continue;
        told.add(mark);
        say(stepLine(step));
      }
      for (const { id, text, choices, deadlineAt } of progress.questions)
        once(told, `question ${id} ${deadlineAt}`, () => say(`  ?  ${text} (${choices.join(' | ')}; until ${deadlineAt})`));
      for (const { by, why, sinceAt, untilAt } of progress.pauses)
        once(told, `pause ${by} ${sinceAt}`, () =>
          say(`  =  paused by ${by}: ${why}${untilAt ? ` (until ${untilAt} at the latest)` : ''}`),
        );
      for (const { step, failure, deadlineAt } of progress.held)
        once(told, `held ${step} ${deadlineAt}`, () => say(`  !  held: ${step}: ${failure} (until ${deadlineAt})`));
      if (
        !last &&
        Date.now() - copiesToldMs >= copyLineEveryMs &&
        progress.steps.some(({ id, state }) => id.startsWith('copy/') && state === 'running')
      ) {
        copiesToldMs = Date.now();
        for (const line of await copyLines(handle)) say(line);
      }
    }
    if (last) return;
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, pollMs))]);
  }
}

/** Follows a child of that run, as soon as it is there; returns at once when the run ended without it. An earlier run's child of the same id is none of it. */
export async function followChild(
  client: Client,
  parent: WorkflowHandleWithFirstExecutionRunId,
  child: string,
  say: Say,
  stop?: AbortSignal,
): Promise<void> {
  for (;;) {
    const [seen, { status }] = await Promise.all([
      client.workflow
        .getHandle(child)
        .describe()
        .catch(() => null),
      parent.describe(),
    ]);
    if (seen?.parentExecution?.runId === parent.firstExecutionRunId)
      return followRun(client.workflow.getHandle(child, seen.runId), say, stop);
    if (status.name !== 'RUNNING' || stop?.aborted) return;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function once(told: Set<string>, mark: string, act: () => void): void {
  if (told.has(mark)) return;
  told.add(mark);
  act();
}

function stepLine({ state, title, seconds, note }: StepRecord): string {
  const mark = {
    done: 'ok',
    notNeeded: '--',
    skipped: 'skipped',
    failed: 'FAILED',
    held: 'held',
    stopped: 'stopped',
    waiting: '',
    running: '',
  }[state];
  return `  ${mark.padEnd(7)} ${title}${seconds === undefined ? '' : `  ${seconds} s`}${note ? `  (${note.slice(0, 160)})` : ''}`;
}

interface CopyBeat {
  sourceBytes: number;
  sourceTotalBytes: number;
  bytesPerSecond: number;
}

function isCopyBeat(value: unknown): value is CopyBeat {
  return typeof value === 'object' && value !== null && 'sourceBytes' in value && 'sourceTotalBytes' in value;
}

/** Bytes and rate of every copy under way, from the heartbeats that the server holds. */
async function copyLines(handle: WorkflowHandle): Promise<string[]> {
  const { raw } = await handle.describe();
  return (raw.pendingActivities ?? []).flatMap(({ activityType, heartbeatDetails }) => {
    const [payload] = heartbeatDetails?.payloads ?? [];
    if (activityType?.name !== 'watchArchive' || !payload) return [];
    const beat: unknown = defaultPayloadConverter.fromPayload(payload);
    if (!isCopyBeat(beat)) return [];
    const percent = beat.sourceTotalBytes > 0 ? Math.floor((beat.sourceBytes / beat.sourceTotalBytes) * 100) : 0;
    return [
      `  ..      copying: ${megabytes(beat.sourceBytes)} of ${megabytes(beat.sourceTotalBytes)} MB (${percent} %), ${megabytes(beat.bytesPerSecond)} MB/s`,
    ];
  });
}

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
