import { Context, heartbeat } from '@temporalio/activity';

/** Short work ends before its first beat: a beat costs a call to the server. */
const firstAfterMs = 300;
const everyMs = 2_500;
const growth = 1.6;

/** Activities that beat by themselves now: their details must not be written over. */
const beating = new WeakSet<Context>();

/** Heartbeats what `details` says while the work goes on; heartbeats are what bring a cancellation to the activity. */
export async function withHeartbeat<T>(details: () => object, work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  beating.add(context);
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
    beating.delete(context);
  }
}

/** Of the worker: an activity that does not beat by itself is kept alive, so that a short heartbeat limit tells of a lost worker and not of a slow host. */
export async function keepBeating<Input, Output>(input: Input, next: (input: Input) => Promise<Output>): Promise<Output> {
  const context = Context.current();
  const timer = setInterval(() => beating.has(context) || context.heartbeat(), everyMs);
  try {
    return await next(input);
  } finally {
    clearInterval(timer);
  }
}

/** Whole seconds since a moment of `performance.now()`. */
export function secondsSince(beganMs: number): number {
  return Math.round((performance.now() - beganMs) / 1000);
}
