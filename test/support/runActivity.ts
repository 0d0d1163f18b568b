import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';

export interface RunningActivity<Result> {
  result: Promise<Result>;
  heartbeats: unknown[];
  cancel: () => void;
}

/** Calls an activity as a worker would: with heartbeats and cancellation, in an environment of its own (one that was cancelled stays so). */
export function beginActivity<Result>(call: () => Promise<Result>): RunningActivity<Result> {
  const environment = new MockActivityEnvironment({ attempt: 1 }, { logger: new DefaultLogger('ERROR') });
  const heartbeats: unknown[] = [];
  environment.on('heartbeat', (details) => heartbeats.push(details));
  const result = environment.run<[], Result, () => Promise<Result>>(call);
  // Whoever awaits it later is told; until then it must not end the test process.
  result.catch(() => {});
  return { result, heartbeats, cancel: () => environment.cancel() };
}

export function runActivity<Result>(call: () => Promise<Result>): Promise<Result> {
  return beginActivity(call).result;
}

type Activity = (input: never) => Promise<unknown>;

/** Calls the activities of a capability one by one, by name. */
export function activityRunner<Activities extends object>(activities: Activities) {
  return <Name extends keyof Activities>(
    name: Name,
    input: Activities[Name] extends (input: infer Input) => unknown ? Input : never,
  ): Activities[Name] extends (input: never) => infer Output ? Output : never =>
    runActivity(() => (activities[name] as Activity)(input as never)) as never;
}
