import { heartbeat } from '@temporalio/activity';

/** Short work ends before its first beat: a beat costs a call to the server. */
const firstAfterMs = 300;
const everyMs = 2_500;
const growth = 1.6;

/** Heartbeats what `details` says while the work goes on; heartbeats are what bring a cancellation to the activity. */
export async function withHeartbeat<T>(details: () => object, work: () => Promise<T>): Promise<T> {
  let pauseMs = firstAfterMs;
  let timer = setTimeout(function beat() {
    heartbeat(details());
    pauseMs = Math.min(everyMs, pauseMs * growth);
    timer = setTimeout(beat, pauseMs);
  }, pauseMs);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}

/** Whole seconds since a moment of `performance.now()`. */
export function secondsSince(beganMs: number): number {
  return Math.round((performance.now() - beganMs) / 1000);
}
