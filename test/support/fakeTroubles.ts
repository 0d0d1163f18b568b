import { CancelledFailure, Context, heartbeat, sleep } from '@temporalio/activity';

import { failure } from '../../activities/failure.ts';
import type { FailureType } from '../../activities/failures.contract.ts';

/**
 * What a test does to calls of one activity of a fake. `fail`: for good, or as a passing failure of `type`, after it had begun. `lostAnswer`: the act takes effect
 * and meets its time limit all the same, for good. `silence`: it has begun and is heard of no more; the server counts it as dead. `wait`: it takes effect when
 * the test says so. `cancel`: the act begins, meets a cancel of the run and gives up. `cancelLate`: it takes effect, the cancel comes and its answer is lost.
 */
export type Trouble =
  | { kind: 'fail'; times: number; type?: FailureType }
  | { kind: 'lostAnswer'; times: number }
  | { kind: 'silence' | 'wait'; until: Promise<void> }
  | { kind: 'cancel' | 'cancelLate'; cancel: () => Promise<unknown> };

export interface Call {
  activity: string;
  /** Activity and the thing it was called for, for example "copyTables copy/users". */
  key: string;
  /** What follows the first run's id in that of the calling run: "" or the chain's link. */
  link: string;
  /** By the server's clock. */
  atMs: number;
  /** Whether it changed the world of the fake. */
  changes: boolean;
}

/** An activity of a fake. */
interface Act {
  perform: () => Promise<unknown>;
  /** What one leaves that has begun and failed, as a failure of that type. */
  half?: (type?: FailureType) => void;
}

interface OfFake {
  /** Everything that a call may change. */
  world: () => unknown;
  clock: () => Promise<number>;
  /** Type of a failure for which the test names none; one that is not tried again. */
  failsAs: FailureType;
}

/** What every fake does with a call: records it, and lets it meet the trouble that the test chose. */
export class FakeTroubles {
  readonly calls: Call[] = [];
  private readonly chosen = new Map<string, Trouble>();
  private readonly fake: OfFake;

  constructor(fake: OfFake) {
    this.fake = fake;
  }

  /** @param key the activity, or the activity and its thing. */
  choose(key: string, trouble: Trouble): void {
    this.chosen.set(key, trouble);
  }

  /** Troubles that no call has met. */
  unmet(): string[] {
    return [...this.chosen.keys()];
  }

  async meet(activity: string, key: string, link: string, { perform: act, half = () => undefined }: Act): Promise<unknown> {
    const call: Call = { activity, key, link, atMs: 0, changes: false };
    this.calls.push(call);
    call.atMs = await this.fake.clock();
    const perform = async (): Promise<unknown> => {
      const before = JSON.stringify(this.fake.world());
      const answer = await act();
      call.changes = before !== JSON.stringify(this.fake.world());
      return answer;
    };
    const met = [key, activity].find((each) => this.chosen.has(each));
    const trouble = met === undefined ? undefined : this.chosen.get(met);
    if (met === undefined || !trouble) return perform();
    if ('times' in trouble) trouble.times -= 1;
    if (!('times' in trouble) || trouble.times <= 0) this.chosen.delete(met);
    switch (trouble.kind) {
      case 'fail':
        half(trouble.type);
        throw failure(trouble.type ?? this.fake.failsAs, `trouble made by the test at ${key}`);
      case 'lostAnswer':
        await perform();
        throw failure('DeadlineExceeded', `time is over at ${key}`);
      case 'silence':
        half();
        await trouble.until;
        throw failure(this.fake.failsAs, `too late at ${key}`);
      case 'wait':
        await untilDone(trouble.until);
        return perform();
      case 'cancel':
        half();
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
  }
}

/** Waits, heartbeating, until the cancel of the run comes; not for long: work that is shielded from it never hears of it. */
async function untilCancelled(): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
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
