import { sleep } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { Runbook } from './beginRunbook.ts';
import type { PlannedStep } from './runbook.contract.ts';

/** One thing on the way back; `perform` is idempotent and judges by a following check. */
export interface BringBackItem {
  step: PlannedStep;
  /** Entries of the run's "down" list that are settled when it succeeds. */
  settles: string[];
  perform: () => Promise<void>;
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
 * The way back: every stage in order; what fails is tried again with growing pauses until `limitSeconds` have passed since the
 * first pass, and does not keep the rest down. Never gives up in silence: what is left is named with the commands for a person.
 * Call it shielded from cancellation. Fails with PlatformNotRestored.
 */
export async function bringBack(runbook: Runbook, stages: BringBackStage[], limitSeconds: number, phaseOfRun: string): Promise<void> {
  const left: { item: BringBackItem; message: string }[] = [];
  for (const stage of stages) {
    let missing = await tryAll(runbook, stage.items, stage.atOnceMax);
    for (let attempt = 2; attempt <= stageTries && missing.length > 0; attempt++) {
      runbook.setAttention('restore');
      await sleep(attempt * 1000, { summary: `pause before trying again: ${missing[0]?.item.step.title ?? ''}`.slice(0, 180) });
      missing = await tryAll(
        runbook,
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
    runbook.setAttention('restore');
    runbook.show();
    await runbook.waitForRetry(
      Math.min(pauseSeconds, Math.max(1, (deadline - Date.now()) / 1000)),
      `still not back: ${left.map(({ item }) => item.step.title).join('; ')}`,
    );
    const items = left.splice(0).map(({ item }) => item);
    for (const item of items) left.push(...(await tryAll(runbook, [item], 1)));
  }
  if (left.length === 0) {
    runbook.setAttention('none');
    return;
  }
  const commands = left.flatMap(({ item }) => item.step.commands);
  throw failure(
    'PlatformNotRestored',
    `${left.length} steps of bringing back failed after ${phaseOfRun}: ${left.map(({ item, message }) => `${item.step.title} (${message})`).join('; ')}. Commands: ${commands.join(' ; ')}`,
    { stillDown: left.map(({ item }) => item.step.title), commands },
  );
}

async function tryAll(runbook: Runbook, items: BringBackItem[], atOnceMax: number): Promise<{ item: BringBackItem; message: string }[]> {
  const failed: { item: BringBackItem; message: string }[] = [];
  const waiting = [...items];
  const lane = async (): Promise<void> => {
    for (let item = waiting.shift(); item; item = waiting.shift()) {
      const { step, perform, settles } = item;
      try {
        await runbook.step(step, perform);
        for (const id of settles) runbook.broughtBack(id);
      } catch {
        failed.push({ item, message: runbook.progress.steps.find(({ id }) => id === step.id)?.note ?? 'failed' });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnceMax, items.length) }, lane));
  return failed;
}
