import { CancellationScope } from '@temporalio/workflow';

import { isCancellation } from './failures.ts';

/** Work, and a watch that ends with it. A watch that fails fails the whole once the work has ended. */
export async function besideOf<Result>(watch: () => Promise<void>, work: () => Promise<Result>): Promise<Result> {
  const scope = new CancellationScope({ cancellable: true });
  const watching = scope.run(watch).catch((error: unknown) => {
    if (!isCancellation(error)) throw error;
  });
  watching.catch(() => undefined);
  try {
    return await work();
  } finally {
    scope.cancel();
    await watching;
  }
}
