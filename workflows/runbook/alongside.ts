import { CancellationScope, sleep } from '@temporalio/workflow';

import { isCancellation } from './failures.ts';

/** Hours of work must not fill the history: looks are ever further apart. */
const firstPauseMs = 5_000;
const pauseMaxMs = 300_000;
const shareOfElapsed = 1 / 20;

/** Work, and a watch that ends with it. A watch that fails fails the whole once the work has ended; of two failures that of the work is thrown. */
export async function alongside<Result>(watch: () => Promise<void>, work: () => Promise<Result>): Promise<Result> {
  const scope = new CancellationScope({ cancellable: true });
  const watching = scope.run(watch).catch((error: unknown) => {
    if (!isCancellation(error)) throw error;
  });
  watching.catch(() => undefined);
  let result: Result;
  try {
    result = await work();
  } catch (error) {
    scope.cancel();
    await watching.catch(() => undefined);
    throw error;
  }
  scope.cancel();
  await watching;
  return result;
}

/** Until the next look at something that has been going on since `beganMs`: a twentieth of that, between `firstMs` and 5 minutes. */
export function pauseBetweenLooks(beganMs: number, firstMs = firstPauseMs): number {
  return Math.round(Math.max(firstMs, Math.min(pauseMaxMs, (Date.now() - beganMs) * shareOfElapsed)));
}

/**
 * Runs `work` and looks at it now and then until it ends. A look that fails is no reason to stop the work: the next one may pass.
 * When it returns or throws, no look is under way any more.
 * @param what of the timer's summary: "until the next look at …".
 */
export async function lookingOn<Result>(what: string, look: () => Promise<void>, work: () => Promise<Result>): Promise<Result> {
  const beganMs = Date.now();
  const lookNowAndThen = async (): Promise<void> => {
    for (;;) {
      await sleep(pauseBetweenLooks(beganMs), { summary: `until the next look at ${what}` });
      try {
        await look();
      } catch (error) {
        if (isCancellation(error)) throw error;
      }
    }
  };
  return alongside(lookNowAndThen, work);
}
