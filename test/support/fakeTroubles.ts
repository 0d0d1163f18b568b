import { CancelledFailure, Context, heartbeat, sleep } from '@temporalio/activity';

/** What a test does to one call of an activity. "lostAnswer": the effect happens and the activity fails all the same, as after a time-out. */
export type Trouble = { kind: 'fail' | 'lostAnswer'; times: number } | { kind: 'cancel'; cancel: () => Promise<void> };

export interface Call {
  activity: string;
  key: string;
}

/** Waits, heartbeating, until the server's cancel reaches the activity. */
export async function untilCancelled(): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    heartbeat();
    await sleep(50);
    if (Context.current().cancellationSignal.aborted) throw new CancelledFailure('cancelled');
  }
}
