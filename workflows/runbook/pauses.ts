import { CancellationScope, condition } from '@temporalio/workflow';

import { isCancellation } from './failures.ts';
import type { Pause, PausePolicy, PlannedStep, RunProgress, StepRecord } from './runbook.contract.ts';

/** What was under way was ended by a pause and begins again after it. */
export class PutOff extends Error {
  override name = 'PutOff';
}

/** The pauses of a run: who holds it back and why, and which steps heed it (pix 33). A run goes on when the last one is lifted. */
export interface Pauses {
  readonly policy: PausePolicy;
  /** In the place of the former one of the same origin. */
  pause(pause: Pick<Pause, 'origin' | 'by' | 'why'>): Pause;
  /** Answers the pauses that stood. */
  lift(...origins: Pause['origin'][]): Pause[];
  stands(): boolean;
  /** Called at every change, with the pause that people are shown, or null. */
  onChange(listener: (pause: Pause | null) => void): () => void;
  /** Returns when the step may begin. */
  untilFree(planned: PlannedStep, record: StepRecord): Promise<void>;
  /** Runs a step's work; throws PutOff when a pause ended it. */
  during<Result>(planned: PlannedStep, work: () => Promise<Result>): Promise<Result>;
  /** The first pause whose time is over; for ever none when the run is never paused so long. */
  untilOver(): Promise<Pause>;
}

export function createPauses(progress: RunProgress, policy: PausePolicy): Pauses {
  const interrupts = new Set<() => void>();
  const listeners = new Set<(pause: Pause | null) => void>();
  const stands = (): boolean => progress.pauses.length > 0;
  const changed = (): void => {
    if (progress.state === 'working' && stands()) progress.state = 'paused';
    if (progress.state === 'paused' && !stands()) progress.state = 'working';
    for (const listener of listeners) listener(progress.pauses[0] ?? null);
  };
  const isOver = ({ untilAt }: Pause): boolean => untilAt !== undefined && Date.parse(untilAt) <= Date.now();
  const endsUnderWay = ({ whenPaused }: PlannedStep): boolean =>
    whenPaused === 'yields' || (whenPaused === 'restarts' && policy.underWay === 'end');

  return {
    policy,
    stands,
    pause({ origin, by, why }) {
      const now = Date.now();
      const pause: Pause = {
        origin,
        by,
        why,
        sinceAt: new Date(now).toISOString(),
        // The run above ends its own.
        ...(origin === 'above' ? {} : { untilAt: new Date(now + policy.limitSeconds * 1000).toISOString() }),
      };
      progress.pauses = [...progress.pauses.filter((each) => each.origin !== origin), pause];
      changed();
      for (const interrupt of interrupts) interrupt();
      return pause;
    },
    lift(...origins) {
      const lifted = progress.pauses.filter(({ origin }) => origins.includes(origin));
      if (lifted.length === 0) return [];
      progress.pauses = progress.pauses.filter(({ origin }) => !origins.includes(origin));
      changed();
      return lifted;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async untilFree({ whenPaused }, record) {
      if (whenPaused === undefined || !stands()) return;
      record.state = 'waiting';
      record.note = 'waits: the run is paused';
      await condition(() => !stands());
      delete record.note;
    },
    async during(planned, work) {
      if (!endsUnderWay(planned)) return work();
      const scope = new CancellationScope({ cancellable: true });
      let putOff = false;
      const interrupt = (): void => {
        putOff = true;
        scope.cancel();
      };
      interrupts.add(interrupt);
      try {
        return await scope.run(work);
      } catch (error) {
        // A cancel of the run itself is stronger.
        if (putOff && isCancellation(error) && !CancellationScope.current().consideredCancelled) throw new PutOff();
        throw error;
      } finally {
        interrupts.delete(interrupt);
      }
    },
    async untilOver() {
      for (;;) {
        await condition(() => progress.pauses.some(({ untilAt }) => untilAt !== undefined));
        const limited = progress.pauses.filter(({ untilAt }) => untilAt !== undefined);
        const leftMs = Math.min(...limited.map(({ untilAt = '' }) => Date.parse(untilAt))) - Date.now();
        const standing = progress.pauses;
        // Any pause or lift makes another list.
        if (leftMs > 0) await condition(() => progress.pauses !== standing, leftMs, { summary: 'until the pause ends by itself' });
        const over = progress.pauses.find(isOver);
        if (over) return over;
      }
    },
  };
}
