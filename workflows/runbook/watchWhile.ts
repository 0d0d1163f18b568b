import { sleep } from '@temporalio/workflow';

import { besideOf } from './besideOf.ts';
import { isCancellation } from './failures.ts';

/** Hours of work must not fill the history: looks are ever further apart. */
const firstPauseMs = 5_000;
const pauseMaxMs = 60_000;
const growth = 1.3;

/**
 * Runs `work` and looks at it now and then until it ends; the pauses grow from 5 to 60 s. A look that fails is no reason to stop the work: the next one may pass.
 * When it returns or throws, no look is under way any more.
 * @param what of the timer's summary: "until the next look at …".
 */
export async function watchWhile<Result>(what: string, look: () => Promise<void>, work: () => Promise<Result>): Promise<Result> {
  const lookNowAndThen = async (): Promise<void> => {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMaxMs, pauseMs * growth)) {
      await sleep(Math.round(pauseMs), { summary: `until the next look at ${what}` });
      try {
        await look();
      } catch (error) {
        if (isCancellation(error)) throw error;
      }
    }
  };
  return besideOf(lookNowAndThen, work);
}
