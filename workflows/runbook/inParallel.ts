import { CancellationScope } from '@temporalio/workflow';

import { joinFailures } from './failures.ts';

/**
 * Fan-out and join: at most `atOnceMax` at a time. The first failure cancels what is under way and takes
 * nothing more; when the join throws, nothing of it still runs, and every failure is reported.
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  atOnceMax: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  const errors: unknown[] = [];
  const waiting = [...items.entries()];
  await CancellationScope.cancellable(async () => {
    const scope = CancellationScope.current();
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); next && errors.length === 0; next = waiting.shift()) {
        try {
          results[next[0]] = await work(next[1]);
        } catch (error) {
          errors.push(error);
          scope.cancel();
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnceMax, items.length) }, lane));
  });
  if (errors.length > 0) throw joinFailures(errors);
  return results;
}
