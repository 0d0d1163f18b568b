import { CancellationScope } from '@temporalio/workflow';

/**
 * Runs `work`, then `restore`, whatever became of the work: done, failed, cancelled. `restore` is shielded from cancellation and is given the failure.
 * When both fail, the failure of `restore` is thrown: a platform that is down is the louder news; it carries the first one itself.
 */
export async function withRestore<Result>({
  work,
  restore,
}: {
  work: () => Promise<Result>;
  restore: (failed: { error: unknown } | null) => Promise<void>;
}): Promise<Result> {
  let outcome: { result: Result } | { error: unknown };
  try {
    outcome = { result: await work() };
  } catch (error) {
    outcome = { error };
  }
  const failed = 'error' in outcome ? { error: outcome.error } : null;
  await CancellationScope.nonCancellable(() => restore(failed));
  if ('error' in outcome) throw outcome.error;
  return outcome.result;
}
