import { CancelledFailure } from '@temporalio/common';

/** The error to throw for an aborted signal. Temporal reports only a CancelledFailure or an "AbortError" as cancelled, all else as failed. */
export function cancellationOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  if (reason instanceof CancelledFailure) return reason;
  if (reason instanceof Error && reason.name === 'AbortError') return reason;
  return new CancelledFailure('cancelled', [], reason instanceof Error ? reason : undefined);
}
