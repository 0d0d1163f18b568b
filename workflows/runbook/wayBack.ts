import { CancellationScope, sleep } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import { describeFailure, isCancellation } from './failures.ts';
import type { FramedRun } from './run.ts';
import type { PlannedStep, RunPolicy } from './runbook.contract.ts';

/** One thing on the way back; `perform` is idempotent and judges by a following check. */
export interface WayBackItem {
  step: PlannedStep;
  perform: () => Promise<void>;
}

export interface BringBackItem extends WayBackItem {
  /** Entries of the run's "down" list that are settled when it succeeds. */
  settles: string[];
}

/** Items that may run side by side; a stage begins when the one before it is through or has been tried three times. */
export interface BringBackStage {
  items: BringBackItem[];
  atOnceMax: number;
}

const stageTries = 3;
const firstPauseSeconds = 5;
const longestPauseSeconds = 300;

/**
 * Work, then the way back, whatever became of the work: done, failed, cancelled. The way back is shielded from cancellation and is told the failure.
 * When both fail, PlatformNotRestored is thrown: a platform that is down is the louder news; it names the first failure in its message.
 */
export async function wayBackOf<Result>(
  run: FramedRun,
  policy: RunPolicy,
  work: () => Promise<Result>,
  stages: (failed: { error: unknown } | null) => BringBackStage[],
  through: () => void,
): Promise<Result> {
  const former = run.progress.state;
  let outcome: { result: Result } | { error: unknown };
  try {
    outcome = { result: await work() };
  } catch (error) {
    outcome = { error };
  }
  const failed = 'error' in outcome ? { error: (isCancellation(outcome.error) && run.stopReason) || outcome.error } : null;
  const isTold = run.progress.decisions.some(({ subject, choice }) => subject === 'the run' && choice === 'cancel');
  if (failed && isCancellation(failed.error) && !isTold) run.decide({ subject: 'the run', choice: 'cancel', by: 'a cancel request' });
  await CancellationScope.nonCancellable(async () => {
    run.setState('bringingBack');
    const wanted = stages(failed);
    run.addSteps(wanted.flatMap(({ items }) => items.map(({ step }) => step)));
    await bringBack(run, wanted, policy.restoreLimitSeconds, endOf(failed));
    through();
    run.setState(former === 'paused' ? 'working' : former);
  });
  if ('error' in outcome) throw outcome.error;
  return outcome.result;
}

function endOf(failed: { error: unknown } | null): string {
  if (!failed) return 'the work';
  return isCancellation(failed.error) ? 'the cancel' : `the failure "${describeFailure(failed.error).message}"`;
}

/**
 * Every stage in order; what fails is tried again with growing pauses until `limitSeconds` have passed since the first pass, and does not keep the rest
 * down. Never gives up in silence: what is left is named with the commands for a person. Fails with PlatformNotRestored.
 */
async function bringBack(run: FramedRun, stages: BringBackStage[], limitSeconds: number, ended: string): Promise<void> {
  const left: { item: BringBackItem; message: string }[] = [];
  for (const stage of stages) {
    let missing = await tryAll(run, stage.items, stage.atOnceMax);
    for (let attempt = 2; attempt <= stageTries && missing.length > 0; attempt++) {
      run.setAttention('restore');
      await sleep(attempt * 1000, { summary: `pause before trying again: ${missing[0]?.item.step.title ?? ''}`.slice(0, 180) });
      missing = await tryAll(
        run,
        missing.map(({ item }) => item),
        stage.atOnceMax,
      );
    }
    left.push(...missing);
  }
  const deadline = Date.now() + limitSeconds * 1000;
  for (
    let pauseSeconds = firstPauseSeconds;
    left.length > 0 && Date.now() < deadline;
    pauseSeconds = Math.min(pauseSeconds * 2, longestPauseSeconds)
  ) {
    run.setAttention('restore');
    await run.waitForRetry(
      Math.min(pauseSeconds, Math.max(1, (deadline - Date.now()) / 1000)),
      `still not back: ${left.map(({ item }) => item.step.title).join('; ')}`,
    );
    const items = left.splice(0).map(({ item }) => item);
    for (const item of items) left.push(...(await tryAll(run, [item], 1)));
  }
  if (left.length === 0) {
    // Of a way back within this one something may still be down.
    if (stages.length > 0) run.setAttention('none');
    return;
  }
  const commands = left.flatMap(({ item }) => item.step.commands);
  throw failure(
    'PlatformNotRestored',
    `${left.length} of the way back failed after ${ended}: ${left.map(({ item, message }) => `${item.step.title} (${message})`).join('; ')}. Commands: ${commands.join(' ; ')}`,
    { stillDown: left.map(({ item }) => item.step.title), commands },
  );
}

async function tryAll(run: FramedRun, items: BringBackItem[], atOnceMax: number): Promise<{ item: BringBackItem; message: string }[]> {
  const failed: { item: BringBackItem; message: string }[] = [];
  const waiting = [...items];
  const lane = async (): Promise<void> => {
    for (let item = waiting.shift(); item; item = waiting.shift()) {
      const { step, perform, settles } = item;
      try {
        await run.step(step, perform);
        for (const id of settles) run.broughtBack(id);
      } catch {
        failed.push({ item, message: run.record(step.id)?.note ?? 'failed' });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnceMax, items.length) }, lane));
  return failed;
}
