import assert from 'node:assert/strict';

import { ApplicationFailure, CancelledFailure, type TemporalFailure } from '@temporalio/common';

import type { RunProgress, StepState } from '../../workflows/runbook/runbook.contract.ts';
import { marksOf } from './fakeReplicaBench.ts';
import type { Call, Trouble } from './fakeTroubles.ts';
import type { RunEnd } from './replicaWorker.ts';

/** A run over a fake world of its own. */
export interface SweptRun {
  fake: { violations: readonly string[]; unmet: () => string[] };
  ended: RunEnd;
  progress: (link?: string) => Promise<RunProgress>;
}

export type SweptKind = 'fail' | 'lostAnswer' | 'cancel' | 'cancelLate';

/** One run of a sweep, when it has ended: how, and what it says of itself. */
export interface Ending<Run extends SweptRun> {
  run: Run;
  call: Call;
  kind: SweptKind;
  report: object | null;
  failure: TemporalFailure | null;
  progress: RunProgress;
  /** Of the link that met the trouble; without links the same. */
  own: RunProgress;
}

/** What one type of workflow tells the sweep. */
export interface Sweep<Run extends SweptRun> {
  type: string;
  /** @param trouble meets the calls of a key; absent: a run without trouble. */
  run: <Result>(
    trouble: ((cancel: () => Promise<unknown>) => { key: string; trouble: Trouble }) | null,
    act: (run: Run) => Promise<Result>,
  ) => Promise<Result>;
  /** Of a run that has ended, in keys that stand for the same calls of another run. */
  callsOf: (run: Run) => readonly Call[];
  /** Of calls that are alike, the first is swept for all. `isTouched`: from the first call that changes anything. */
  likeOf: (call: Call, isTouched: boolean) => string;
  kindsOf: (call: Call) => SweptKind[];
  /** Looks at the world after the run without trouble. */
  good: (run: Run) => void;
  /** Whether a run that met it may end well. One that met a cancel may, when nothing was left to be cancelled. */
  mayEndWell: (call: Call, kind: SweptKind) => boolean;
  /** What must be so at the end, beside what is asked of every run. */
  must: (ending: Ending<Run>) => void;
}

const atOnceMax = 6;

/**
 * Lets every call of a recorded good run fail, lose its answer and meet a cancel, each in a run of its own, and judges how that run ends. The calls are those of
 * the recorded run, so a new step is swept by itself.
 * @returns the steps that the run without trouble marks as done and that no trouble has met.
 */
export async function sweepEveryCall<Run extends SweptRun>(sweep: Sweep<Run>): Promise<{ untroubled: string[] }> {
  const { calls, steps } = await sweep.run(null, async (run) => {
    const { failure } = await run.ended;
    assert.equal(failure, null, `the run without trouble fails: ${failure?.message ?? ''}`);
    assert.deepEqual(run.fake.violations, []);
    const progress = await run.progress();
    assertSettled(progress);
    sweep.good(run);
    return { calls: [...sweep.callsOf(run)], steps: marksOf(progress) };
  });
  const firstChange = calls.findIndex(({ changes }) => changes);
  const seen = new Set<string>();
  const swept = calls.filter((call, place) => {
    const like = sweep.likeOf(call, firstChange >= 0 && place >= firstChange);
    const isFirst = !seen.has(like) && !seen.has(call.key);
    seen.add(like).add(call.key);
    return isFirst;
  });
  const cases = swept.flatMap((call) => sweep.kindsOf(call).map((kind) => ({ call, kind })));
  const troubled = new Set<string>();
  const wrong: string[] = [];
  const waiting = [...cases];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { call, kind } = next;
      try {
        await sweep.run(
          (cancel) => ({ key: call.key, trouble: kind === 'fail' || kind === 'lostAnswer' ? { kind, times: 1 } : { kind, cancel } }),
          async (run) => {
            for (const step of await judge(sweep, run, call, kind)) troubled.add(step);
          },
        );
      } catch (error) {
        wrong.push(`${kind} at ${call.link} ${call.key}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnceMax }, lane));
  assert.deepEqual(wrong, [], `${wrong.length} of ${cases.length} runs`);
  console.log(`# ${sweep.type}: ${swept.length} calls, ${cases.length} runs`);
  return { untroubled: Object.entries(steps).flatMap(([id, state]) => (state === 'done' && !troubled.has(id) ? [id] : [])) };
}

/** @returns the steps that the run marks as failed or stopped. */
async function judge<Run extends SweptRun>({ mayEndWell, must }: Sweep<Run>, run: Run, call: Call, kind: SweptKind): Promise<string[]> {
  const { report, failure } = await run.ended;
  const progress = await run.progress();
  const own = call.link === '' ? progress : await run.progress(call.link);
  assert.deepEqual(run.fake.violations, []);
  assert.deepEqual(run.fake.unmet(), [], 'the trouble was never met');
  for (const each of [progress, own]) assertSettled(each);
  const troubled = stepsMarked(progress, 'failed', 'stopped');
  if (report) {
    assert.equal(progress.state, 'done');
    assert.ok(mayEndWell(call, kind), 'a run with a failed or cancelled step ended well');
    assert.deepEqual(troubled, [], 'a run that ended well has steps that did not');
  } else if (kind === 'fail' || kind === 'lostAnswer') {
    assert.ok(failure instanceof ApplicationFailure, `ended with ${String(failure)}`);
    assert.equal(progress.state, 'failed');
    if (failure.type !== 'PlatformNotRestored') {
      assert.match(failure.message, kind === 'fail' ? /trouble made by the test/ : /time is over/);
      assert.ok(stepsMarked(own, 'failed').length > 0, 'no step is marked as failed');
    }
  } else if (!(failure instanceof ApplicationFailure && failure.type === 'PlatformNotRestored')) {
    assert.ok(failure instanceof CancelledFailure, `ended with ${String(failure)}`);
    assert.equal(progress.state, 'cancelled');
  }
  must({ run, call, kind, report, failure, progress, own });
  return troubled;
}

function stepsMarked({ steps }: RunProgress, ...marks: StepState[]): string[] {
  return steps.flatMap(({ id, state }) => (marks.includes(state) ? [id] : []));
}

function assertSettled({ steps, held, questions }: RunProgress): void {
  const open = steps.filter(({ state }) => state === 'running' || state === 'held').map(({ id }) => id);
  assert.deepEqual([open, held, questions], [[], [], []], 'an ended run has open steps');
}
