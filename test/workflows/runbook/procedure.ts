import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ApplicationFailure, CancelledFailure } from '@temporalio/common';

import { describePlan } from '../../../workflows/runbook/plan.ts';
import type { PlanReport, RunReport } from '../../../workflows/runbook/runbook.contract.ts';
import { failsWith } from '../../support/failures.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import type { WordsRequest } from './words.contract.ts';
import { leavesHold, steps } from './words.workflow.ts';
import { failing, gate, type WordsBench, type WordsRun } from './wordsBench.ts';

const reportFields = [
  'beganAt',
  'decisions',
  'downtimeSeconds',
  'endedAt',
  'failure',
  'procedure',
  'seconds',
  'state',
  'steps',
  'stillDown',
  'system',
  'target',
  'warnings',
];

/** The end of a run that was cancelled. */
export async function cancelledEnd(run: WordsRun): Promise<void> {
  const ended = await run.ended;
  assert.ok('cause' in ended && ended.cause instanceof CancelledFailure, JSON.stringify(ended));
  assert.equal(await run.status(), 'CANCELLED');
  assert.equal((await run.progress()).state, 'cancelled');
}

/** The end of a run that failed. */
export async function failedEnd(run: WordsRun, type: string, ...said: (string | RegExp)[]): Promise<ApplicationFailure> {
  const ended = await run.ended;
  assert.ok('cause' in ended && ended.cause instanceof ApplicationFailure, JSON.stringify(ended));
  failsWith(type, ...said)(ended.cause);
  assert.equal(await run.status(), 'FAILED');
  assert.equal((await run.progress()).state, 'failed');
  return ended.cause;
}

/** The end of a run that did its work. */
export async function doneEnd(run: WordsRun): Promise<RunReport & Record<string, unknown>> {
  const ended = await run.ended;
  if ('cause' in ended) throw ended.cause;
  return ended.report;
}

export function procedureTests(bench: () => WordsBench): void {
  describe('procedure', { concurrency: 8 }, () => {
    test('an input with faults fails the run, and names every one of them', async () => {
      const run = await bench().start('wordsSteps', { things: [], policy: { holdSeconds: -1 }, colour: 'red' });
      const ended = await run.ended;
      assert.ok('cause' in ended);
      failsWith('InvalidInput', 'colour', 'unknown field')(ended.cause);
      const second = await (await bench().start('wordsSteps', { things: [], policy: { holdSeconds: -1 } })).ended;
      assert.ok('cause' in second);
      failsWith('InvalidInput', 'has 2 faults', 'things: name at least one thing', 'policy.holdSeconds', 'Remedy: ')(second.cause);
      assert.ok(!run.calls.includes('begin'));
    });

    test('a dry run answers the plan, with what a look has shown, and holds and does nothing', async () => {
      const run = await bench().start('wordsSteps', { dryRun: true, things: ['b', 'a'] }, { look: () => 'the thing is asleep' });
      const plan = (await doneEnd(run)) as unknown as PlanReport;
      assert.deepEqual(plan, {
        procedure: 'wordsSteps',
        system: 'words',
        target: 'words',
        dryRun: true,
        looked: 'atTheWorld',
        holds: ['a', 'b'],
        gates: ['nobody minds'],
        steps: [
          { number: 1, id: 'begin', title: 'begin', phase: '1. Begin', commands: [], skippable: false },
          {
            number: 2,
            id: 'skippable',
            title: 'do what may be left out',
            phase: '2. Middle',
            commands: ['type this'],
            skippable: true,
            host: 'host-1',
            limitSeconds: 5,
          },
          {
            number: 3,
            id: 'stop',
            title: 'stop the thing',
            phase: '2. Middle',
            commands: [],
            skippable: false,
            unwind: 'the thing is started',
          },
          {
            number: 4,
            id: 'end',
            title: 'end',
            phase: '3. End',
            commands: [],
            skippable: false,
            pointOfNoReturn: 'what is done is done',
            whenPaused: 'waits',
          },
          { number: 5, id: 'back', title: 'bring the thing back', phase: '4. Back', commands: [], skippable: false, wayBack: true },
        ],
        wayBack: ['stop the thing: the thing is started', 'bring the thing back, if the run took it down'],
        faults: ['the thing is asleep'],
        warnings: ['it is late'],
        facts: { rows: 7 },
      });
      assert.deepEqual(run.calls, ['readRequest wordsSteps', 'look']);
      const { events } = await run.handle.fetchHistory();
      assert.ok(!events?.some(({ startChildWorkflowExecutionInitiatedEventAttributes: child }) => child), 'a dry run holds something');
    });

    test('what keeps a dry run from looking is a fault of it', async () => {
      const run = await bench().start('wordsSteps', { dryRun: true }, { look: failing() });
      const { faults, looked } = (await doneEnd(run)) as unknown as PlanReport;
      assert.equal(looked, 'atTheWorld');
      assert.equal(faults.length, 1);
      assert.match(faults[0] ?? '', /a trouble made by the test/);
    });

    test('a plan made offline says what it does not know, and one that needs no look is the whole', () => {
      const request = { dryRun: true, target: 'words', things: ['b', 'a', 'b'], words: {} } as unknown as WordsRequest;
      const { looked, gates, holds, faults } = describePlan(steps, request, null);
      assert.deepEqual(
        { looked, gates, holds, faults },
        {
          looked: 'offlinePart',
          gates: ['nobody minds', 'made without a look at the world: nobody has looked at the thing'],
          holds: ['a', 'b'],
          faults: [],
        },
      );
      const { looked: whole, holds: none } = describePlan(leavesHold, request, null);
      assert.deepEqual([whole, none], ['offline', []]);
    });

    test('progress and report have one shape while it works, done, failed and cancelled', async () => {
      const standing = gate();
      const [done, failed, cancelled] = await Promise.all([
        bench().start('wordsSteps', {}, { skippable: standing.wait }),
        bench().start('wordsSteps', {}, { stop: failing() }),
        bench().start('wordsSteps', {}, { stop: gate().wait }),
      ]);
      await done.called('skippable');
      const working = { progress: await done.progress(), report: await done.report() };
      assert.equal(working.report.state, 'working');
      assert.equal(working.report.endedAt, null);
      assert.equal(working.progress.phase, '2. Middle');
      assert.deepEqual(
        working.report.steps.map(({ state }) => state),
        ['done', 'running', 'waiting', 'waiting', 'waiting'],
      );
      standing.open('left alone');
      await cancelled.called('stop');
      await cancelled.handle.cancel();

      const report = await doneEnd(done);
      assert.deepEqual(report['answers'], ['begin', 'left alone', 'stop', 'end']);
      assert.deepEqual(await done.report(), report);
      const failure = await failedEnd(failed, 'InvalidInput', 'a trouble made by the test');
      await cancelledEnd(cancelled);
      for (const [run, state, stop] of [
        [done, 'done', 'done'],
        [failed, 'failed', 'failed'],
        [cancelled, 'cancelled', 'stopped'],
      ] as const) {
        const own = await run.report();
        // The facts of the procedure stand beside those of the frame, when the work is done.
        assert.deepEqual(Object.keys(own).sort(), state === 'done' ? ['answers', ...reportFields] : reportFields, state);
        assert.equal(own.state, state);
        assert.ok(own.endedAt !== null && own.endedAt >= own.beganAt && own.seconds >= 0);
        assert.equal(own.steps.find(({ id }) => id === 'stop')?.state, stop);
        assert.deepEqual(Object.keys(await run.progress()).sort(), Object.keys(working.progress).sort(), state);
        assert.match(await run.details(), new RegExp(`wordsSteps · words\\*\\* — ${state}`));
      }
      // For programs: the report is in the failure too, with the steps that failed.
      const [first] = (failure.details ?? []) as [RunReport];
      assert.deepEqual(
        first.steps.map(({ id }) => id),
        ['stop'],
      );
      assert.deepEqual({ ...first, steps: [] }, { ...(await failed.report()), steps: [] });
      assert.equal(first.failure?.type, 'InvalidInput');
      assert.deepEqual((await cancelled.report()).failure, { type: 'Cancelled', message: 'cancelled; words is as it was' });
    });

    test('a run that is cancelled ends cancelled: while it waits for a person, at a step or with a question', async () => {
      const held = await bench().start('wordsSteps', { policy: { onStepFailure: 'hold' } }, { stop: failing() });
      const asking = await bench().start('wordsQuestion');
      await held.until('a step is held', (progress) => progress.held.length === 1);
      await asking.until('it asks', ({ questions }) => questions.length === 1);
      for (const run of [held, asking]) {
        await run.handle.cancel();
        await cancelledEnd(run);
        const { held: still, questions, attention } = await run.progress();
        assert.deepEqual([still, questions, attention], [[], [], 'none']);
      }
      const step = (await held.progress()).steps.find(({ id }) => id === 'stop');
      assert.equal(step?.state, 'failed', 'nobody holds it any more');
      assert.match(step?.note ?? '', /a trouble made by the test/);
      assert.ok(step?.endedAt);
    });

    test('an activity that fails during the cancel is told, and the run ends cancelled all the same', async () => {
      const run = await bench().start('wordsSteps', {}, { stop: gate(failing()).wait });
      await run.called('stop');
      await run.handle.cancel();
      await cancelledEnd(run);
      assert.match((await run.report()).failure?.message ?? '', /words is as it was; on the way out: a trouble made by the test/);
    });

    test('a run whose part was cancelled, and that was not cancelled itself, has failed and names the part', async () => {
      const run = await bench().start('wordsChain', {}, { begin: gate().wait });
      await run.called('begin');
      await bench().env.client.workflow.getHandle(`${run.id}/part`).cancel();
      await failedEnd(run, 'Cancelled', `its part ${run.id}/part was cancelled`);
    });

    test('a cancel of a run reaches its part', async () => {
      const run = await bench().start('wordsChain', {}, { begin: gate().wait });
      await run.called('begin');
      await run.handle.cancel();
      await cancelledEnd(run);
      await waitUntil('the part is cancelled', async () => {
        const { status } = await bench().env.client.workflow.getHandle(`${run.id}/part`).describe();
        return status.name === 'CANCELLED';
      });
    });

    test('the outcome stands in the memo, where it is read without a worker', async () => {
      const queue = `words-memo-${process.pid}`;
      const closeWorker = await bench().openWorker(queue);
      const good = await bench().start('wordsSteps', {}, {}, queue);
      const items = [{ id: 'a', back: 'never' }, { id: 'b' }];
      const bad = await bench().start('wordsTakeDown', { items }, { work: failing() }, queue);
      const stopped = await bench().start('wordsSteps', {}, { begin: gate().wait }, queue);
      await stopped.called('begin');
      await stopped.handle.cancel();
      await Promise.all([good.ended, bad.ended, stopped.ended]);
      await closeWorker();

      const [done, failed, cancelled] = await Promise.all([good.outcome(), bad.outcome(), stopped.outcome()]);
      const { endedAt, seconds, ...rest } = done;
      assert.ok(endedAt !== null && Date.parse(endedAt) > 0 && seconds >= 0);
      assert.deepEqual(rest, { state: 'done', downtimeSeconds: 0, failure: null, stillDown: [] });
      assert.equal(failed.state, 'failed');
      assert.equal(failed.failure?.type, 'InvalidInput');
      assert.match(failed.failure.message, /a trouble made by the test/);
      assert.deepEqual(failed.stillDown, ['service a']);
      assert.equal(failed.next, 'start-by-hand a');
      assert.ok(failed.downtimeSeconds > 0);
      assert.equal(cancelled.state, 'cancelled');
      assert.match(cancelled.failure?.message ?? '', /words is as it was/);
    });
  });
}
