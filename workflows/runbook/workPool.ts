import { CancellationScope, condition } from '@temporalio/workflow';

import { joinFailures } from './failures.ts';

/**
 * Pieces of work of which some become possible when others end: at most `atOnceMax` at a time, the heaviest first. The rules of `inParallel`: the first
 * failure cancels what is under way and takes nothing more; when the pool throws, nothing of it still runs.
 * @param work answers the pieces that its end made possible.
 */
export async function workPool<Item>(
  first: readonly Item[],
  atOnceMax: number,
  weight: (item: Item) => number,
  work: (item: Item) => Promise<readonly Item[]>,
): Promise<void> {
  const waiting: Item[] = [];
  const errors: unknown[] = [];
  let running = 0;
  const add = (items: readonly Item[]): void => {
    waiting.push(...items);
    waiting.sort((a, b) => weight(b) - weight(a));
  };
  add(first);
  await CancellationScope.cancellable(async () => {
    const scope = CancellationScope.current();
    const lane = async (): Promise<void> => {
      while (errors.length === 0) {
        const next = waiting.shift();
        if (next === undefined) {
          if (running === 0) return;
          await condition(() => waiting.length > 0 || running === 0 || errors.length > 0);
          continue;
        }
        running += 1;
        try {
          add(await work(next));
        } catch (error) {
          errors.push(error);
          scope.cancel();
        } finally {
          running -= 1;
        }
      }
    };
    const lanes = Array.from({ length: atOnceMax }, () =>
      lane().catch((error: unknown) => {
        errors.push(error);
      }),
    );
    await Promise.all(lanes);
  });
  if (errors.length > 0) throw joinFailures(errors);
}
