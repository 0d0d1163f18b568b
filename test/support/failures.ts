import assert from 'node:assert/strict';

import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';

/** For assert.rejects: a failure of the type, in whose message every word stands. */
export function failsWith(type: string, ...words: (string | RegExp)[]): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof ApplicationFailure, String(error));
    assert.equal(error.type, type, error.message);
    for (const word of words)
      assert.ok(
        typeof word === 'string' ? error.message.includes(word) : word.test(error.message),
        `${String(word)} is not in: ${error.message}`,
      );
    return true;
  };
}

/** The failure that a run ends with. */
export async function failureOfRun(run: Promise<unknown>): Promise<ApplicationFailure> {
  const error = await errorOf(run);
  assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure, String(error));
  return error.cause;
}

/** Whatever a call ends with, a cancellation included. */
export async function errorOf(work: Promise<unknown>): Promise<Error & { type?: string }> {
  return work.then(
    (result) => assert.fail(`an error was expected, got ${JSON.stringify(result)}`),
    (reason: unknown) => reason as Error,
  );
}
