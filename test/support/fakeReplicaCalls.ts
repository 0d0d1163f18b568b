import { CancelledFailure, Context, heartbeat, sleep } from '@temporalio/activity';

import { failure } from '../../activities/failure.ts';
import type { PostgresFacts, PostgresRef } from '../../activities/postgres/postgres.contract.ts';
import type { FakeReplicaActivities, ReplicaCall, ReplicaState, ReplicaTrouble } from './fakeReplica.contract.ts';

type Names = keyof FakeReplicaActivities;
type InputOf<Name extends Names> = Parameters<FakeReplicaActivities[Name]>[0];

/** What every part of a fake replica does with a call: records it, and lets it meet the trouble that the test chose. */
export abstract class FakeReplicaCalls {
  readonly calls: ReplicaCall[] = [];
  readonly violations: string[] = [];
  private readonly troubles = new Map<string, ReplicaTrouble>();
  protected link = '';

  /** Of the server: set by the bench. */
  clock: () => Promise<number> = async () => Date.now();

  /** @param key the activity, or the activity and its thing. */
  trouble(key: string, trouble: ReplicaTrouble): void {
    this.troubles.set(key, trouble);
  }

  /** Troubles that no call has met. */
  unmet(): string[] {
    return [...this.troubles.keys()];
  }

  abstract state(): ReplicaState;

  protected abstract loseSnapshot(): void;

  protected rule(holds: boolean, violation: string): void {
    if (!holds) this.violations.push(violation);
  }

  /** Every activity goes through here: recorded, and met by the trouble that the test chose. `half`: what one that fails leaves. */
  protected wrap<Name extends Names>(
    activity: Name,
    thing: (input: InputOf<Name>) => string,
    act: FakeReplicaActivities[Name],
    half: (input: InputOf<Name>) => void = () => undefined,
  ): FakeReplicaActivities[Name] {
    const { link } = this;
    return (async (input: InputOf<Name>) => {
      const key = `${activity} ${thing(input)}`.trim();
      const call: ReplicaCall = { activity, key, link, atMs: 0, changes: false };
      this.calls.push(call);
      call.atMs = await this.clock();
      const perform = async (): Promise<unknown> => {
        const before = JSON.stringify(this.state());
        const answer = await (act as (input: InputOf<Name>) => Promise<unknown>)(input);
        call.changes = before !== JSON.stringify(this.state());
        return answer;
      };
      const met = [key, activity].find((each) => this.troubles.has(each));
      const trouble = met === undefined ? undefined : this.troubles.get(met);
      if (met === undefined || !trouble) return perform();
      if ('times' in trouble) trouble.times -= 1;
      if (!('times' in trouble) || trouble.times <= 0) this.troubles.delete(met);
      switch (trouble.kind) {
        case 'fail':
          half(input);
          if (trouble.type === 'SnapshotLost') this.loseSnapshot();
          throw failure(trouble.type ?? 'PostgresFailed', `trouble made by the test at ${key}`);
        case 'timeOut':
          await perform();
          throw failure('DeadlineExceeded', `time is over at ${key}`);
        case 'silence':
          half(input);
          await trouble.until;
          throw failure('PostgresFailed', `too late at ${key}`);
        case 'wait':
          await untilDone(trouble.until);
          return perform();
        case 'cancel':
          half(input);
          await trouble.cancel();
          await untilCancelled();
          return perform();
        case 'cancelLate': {
          const answer = await perform();
          await trouble.cancel();
          await untilCancelled();
          return answer;
        }
      }
    }) as FakeReplicaActivities[Name];
  }
}

/** Waits, heartbeating, until the cancel of the run comes; not for long: work that is shielded from it never hears of it. */
async function untilCancelled(): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    heartbeat();
    await sleep(50);
    if (Context.current().cancellationSignal.aborted) throw new CancelledFailure('cancelled');
  }
}

/** Waits, heartbeating, for the test, or for the cancel of the run. */
async function untilDone(until: Promise<void>): Promise<void> {
  let done = false;
  void until.then(() => (done = true));
  while (!done) {
    heartbeat();
    await sleep(50);
  }
}

export function factsOf({ name }: PostgresRef): PostgresFacts {
  return {
    ...{
      version: '18.0',
      versionNumber: 180000,
      database: name,
      user: 'pix',
      superuser: false,
      identity: name,
      sizeBytes: 1e6,
      inRecovery: false,
    },
  };
}
