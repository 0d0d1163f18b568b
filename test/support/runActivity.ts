import { MockActivityEnvironment } from '@temporalio/testing';

type Activity = (input: never) => Promise<unknown>;

/** Calls the activities of a capability one by one, each in a mock environment of its own (one that was cancelled stays so). */
export function activityRunner<Activities extends object>(activities: Activities) {
  return <Name extends keyof Activities>(
    name: Name,
    input: Activities[Name] extends (input: infer Input) => unknown ? Input : never,
  ): Activities[Name] extends (input: never) => infer Output ? Output : never => {
    const environment = new MockActivityEnvironment({ attempt: 1 });
    const run = environment.run.bind(environment) as (activity: Activity, input: unknown) => Promise<unknown>;
    return run(activities[name] as Activity, input) as never;
  };
}
