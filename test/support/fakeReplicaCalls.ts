import type { PostgresFacts, PostgresRef } from '../../activities/postgres/postgres.contract.ts';
import type { FakeReplicaActivities, ReplicaState } from './fakeReplica.contract.ts';
import { FakeTroubles, type Call, type Trouble } from './fakeTroubles.ts';

type Names = keyof FakeReplicaActivities;
type InputOf<Name extends Names> = Parameters<FakeReplicaActivities[Name]>[0];

/** What every part of a fake replica does with a call: records it, and lets it meet the trouble that the test chose. */
export abstract class FakeReplicaCalls {
  readonly violations: string[] = [];
  protected link = '';
  private readonly troubles = new FakeTroubles({ world: () => this.state(), clock: () => this.clock(), failsAs: 'PostgresFailed' });

  /** Of the server: set by the bench. */
  clock: () => Promise<number> = async () => Date.now();

  get calls(): Call[] {
    return this.troubles.calls;
  }

  trouble(key: string, trouble: Trouble): void {
    this.troubles.choose(key, trouble);
  }

  unmet(): string[] {
    return this.troubles.unmet();
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
    return ((input: InputOf<Name>) =>
      this.troubles.meet(activity, `${activity} ${thing(input)}`.trim(), link, {
        perform: () => (act as (input: InputOf<Name>) => Promise<unknown>)(input),
        half: (type) => {
          half(input);
          if (type === 'SnapshotLost') this.loseSnapshot();
        },
      })) as FakeReplicaActivities[Name];
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
