import { heartbeat } from '@temporalio/activity';

const everyMs = 2_500;

/** Heartbeats what `details` says while the work goes on; heartbeats are what bring a cancellation to the activity. */
export async function withHeartbeat<T>(details: () => object, work: () => Promise<T>): Promise<T> {
  heartbeat(details());
  const timer = setInterval(() => heartbeat(details()), everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** Whole seconds since a moment of `performance.now()`. */
export function secondsSince(beganMs: number): number {
  return Math.round((performance.now() - beganMs) / 1000);
}
