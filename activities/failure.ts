import { ApplicationFailure } from '@temporalio/common';

import { failureCatalogue, type FailureType } from './failures.contract.ts';

/**
 * The one way to throw: an ApplicationFailure whose type stands in the catalogue.
 * @param message what failed, on what, what was seen with numbers and units. The remedy is appended from the catalogue.
 * @param facts small JSON for programs (kept as the failure's first detail); never a secret, never command output beyond a tail.
 */
export function failure(type: FailureType, message: string, facts?: Record<string, unknown>, cause?: unknown): ApplicationFailure {
  const { retry, remedy } = failureCatalogue[type];
  return ApplicationFailure.create({
    message: `${message.replace(/[.\s]+$/, '')}. Remedy: ${remedy}.`,
    type,
    nonRetryable: !retry,
    details: facts ? [facts] : [],
    ...(cause instanceof Error ? { cause } : {}),
  });
}

/** The message of a failure that is quoted within another one, which has a remedy of its own. */
export function withoutRemedy(message: string): string {
  return message.replace(/\.? Remedy: [^]*$/, '');
}
