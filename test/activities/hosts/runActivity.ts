import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';

export interface RunningActivity<T> {
  result: Promise<T>;
  heartbeats: unknown[];
  cancel(): void;
}

/** Calls an activity as a worker would: with heartbeats and cancellation, in an environment of its own. */
export function beginActivity<T>(call: () => Promise<T>): RunningActivity<T> {
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  const heartbeats: unknown[] = [];
  environment.on('heartbeat', (details) => heartbeats.push(details));
  const result = environment.run<[], T, () => Promise<T>>(call);
  // Whoever awaits it later is told; until then it must not end the test process.
  result.catch(() => {});
  return { result, heartbeats, cancel: () => environment.cancel() };
}

export function runActivity<T>(call: () => Promise<T>): Promise<T> {
  return beginActivity(call).result;
}
