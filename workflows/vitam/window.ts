import { condition, sleep } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { WindowAt } from '../../activities/clock/clock.contract.ts';
import { alongside } from '../runbook/alongside.ts';
import { local } from '../runbook/profiles.ts';
import type { Night } from './night.ts';

/** The night window (vitam 1). Outside it: refuse, wait for its begin, or run all the same, by the platform's setting. */
export async function enterWindow(night: Night): Promise<WindowAt> {
  const { window } = night.platform;
  const now = new Date().toISOString();
  const found = await local.findWindow({ ...window, at: now });
  night.gateFrom = !found.inside && window.outside === 'run' ? now : found.beginAt;
  if (found.inside || window.outside === 'run') return found;
  if (window.outside === 'refuse')
    throw failure(
      'OutsideWindow',
      `it is outside the window ${window.begin}-${window.end} ${window.zone}; the next begins at ${found.beginAt}`,
      { beginAt: found.beginAt },
    );
  await sleep(Date.parse(found.beginAt) - Date.now(), { summary: `window begins at ${window.begin} (${found.beginAt})` });
  return found;
}

/** The end of the window, for a step that waits for it. */
export interface WindowEnd {
  passed: () => boolean;
  wait: () => Promise<void>;
}

/**
 * Runs the work until the window's end at the longest. At the end, by policy (vitam 10): abort, go on, or ask while the
 * work goes on (default: abort). An operator's `abort` update ends the work the same way. When it throws, nothing of the work still runs.
 * The work may wait for the same end: it is handed one wait that shares the watch's timer, so that both see the same moment.
 */
export async function withWindowEnd(
  night: Night,
  window: WindowAt,
  stop: (reason: Error) => void,
  work: (windowEnd: WindowEnd) => Promise<void>,
): Promise<void> {
  let passed = Date.parse(window.endAt) <= Date.now();
  const watch = async (): Promise<void> => {
    await sleep(Math.max(1, Date.parse(window.endAt) - Date.now()), { summary: `window ends at ${window.endAt}` });
    passed = true;
    if (await mayGoOn(night, window)) return;
    const why = `the window ended at ${window.endAt} before the backup did; by policy (${night.platform.window.atEnd}) it is aborted`;
    stop(failure('DeadlineExceeded', why));
  };
  await alongside(watch, () => work({ passed: () => passed, wait: () => condition(() => passed) }));
}

async function mayGoOn({ platform, run }: Night, window: WindowAt): Promise<boolean> {
  if (platform.window.startServices === 'atWindowEnd' && run.progress.steps.find(({ id }) => id === 'start-at')?.state === 'running')
    return true;
  switch (platform.window.atEnd) {
    case 'abort':
      return false;
    case 'continue':
      run.warn(`the window ended at ${window.endAt}; by policy the backup goes on`);
      return true;
    case 'ask':
      return (
        (await run.ask({
          id: 'window-end',
          text: `The window ended at ${window.endAt} before the backup did. Abort the backup and start the services, or continue it?`,
          choices: ['abort', 'continue'],
          default: 'abort',
        })) === 'continue'
      );
  }
}
