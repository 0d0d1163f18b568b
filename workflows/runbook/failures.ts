import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TimeoutFailure,
  isCancellation,
} from '@temporalio/workflow';

/** The failure in words for the report, and its type; activity and child wrappers are taken off. */
export function describeFailure(error: unknown): { type: string; message: string } {
  const inner = unwrapFailure(error);
  if (inner instanceof ApplicationFailure) return { type: inner.type ?? 'Unknown', message: inner.message };
  if (inner instanceof TimeoutFailure) return { type: 'DeadlineExceeded', message: timeoutMessage(error, inner) };
  if (isCancellation(error))
    return {
      type: 'Cancelled',
      message: error instanceof ChildWorkflowFailure ? `its part ${error.execution.workflowId} was cancelled` : 'cancelled',
    };
  return { type: inner instanceof Error ? inner.name : 'Unknown', message: inner instanceof Error ? inner.message : String(inner) };
}

/** A failure that reads well as the end of a run: of the same type as its root, with the original as cause. */
export function readableFailure(error: unknown, facts?: Record<string, unknown>): ApplicationFailure {
  const { type, message } = describeFailure(error);
  return ApplicationFailure.create({
    message,
    type,
    nonRetryable: true,
    details: facts ? [facts] : [],
    ...(error instanceof Error ? { cause: error } : {}),
  });
}

/** Several failures of one join as one: the type of the first, every message. */
export function joinFailures(errors: readonly unknown[]): unknown {
  const real = errors.filter((error) => !isCancellation(error));
  if (real.length <= 1) return real[0] ?? errors[0];
  const described = real.map(describeFailure);
  return ApplicationFailure.create({
    type: described[0]?.type ?? 'Unknown',
    message: `${real.length} failures: ${described.map(({ message }) => message).join(' | ')}`,
    nonRetryable: true,
    ...(real[0] instanceof Error ? { cause: real[0] } : {}),
  });
}

function unwrapFailure(error: unknown): unknown {
  let inner = error;
  while ((inner instanceof ActivityFailure || inner instanceof ChildWorkflowFailure) && inner.cause) inner = inner.cause;
  return inner;
}

function timeoutMessage(error: unknown, timeout: TimeoutFailure): string {
  const activity = error instanceof ActivityFailure ? error.activityType : 'the step';
  return `${activity} met its time limit (${timeout.timeoutType}): ${timeout.message}`;
}

export { CancelledFailure, isCancellation };
