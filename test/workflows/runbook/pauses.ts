import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { StepState } from '../../../workflows/runbook/runbook.contract.ts';
import { cancelledEnd, doneEnd, failedEnd } from './procedure.ts';
import { refused } from './steps.ts';
import { gate, type WordsBench, type WordsRun } from './wordsBench.ts';

export function pauseTests(bench: () => WordsBench): void {
  /** Four steps under way at once, each until its gate opens or it is ended; a gate that has opened stays open. */
  const working = async (pauses: object = {}): Promise<{ run: WordsRun; open: (...steps: string[]) => void }> => {
    const gates = new Map(['waits', 'restarts', 'yields', 'heedless'].map((id) => [id, gate()]));
    const run = await bench().start('wordsPausable', { pauses }, Object.fromEntries([...gates].map(([id, { wait }]) => [id, wait])));
    for (const id of gates.keys()) await run.called(id);
    return {
      run,
      open: (...ids) => {
        for (const id of ids) gates.get(id)?.open();
      },
    };
  };
  const statesOf = async ({ progress }: WordsRun): Promise<Record<string, StepState>> =>
    Object.fromEntries((await progress()).steps.map(({ id, state }) => [id, state]));
  const timesOf = ({ calls }: WordsRun, step: string): number => calls.filter((call) => call === step).length;

  describe('pauses', { concurrency: 8 }, () => {
    test('a paused run begins nothing new, lets steps finish, ends those that yield, and goes on where it stood', async () => {
      const { run, open } = await working();
      await refused(run.update('pause', { by: 'marie' }), 'why: say why the run');
      await refused(run.update('resume', { by: 'marie' }), 'the run is not paused');
      assert.match(String(await run.update('pause', { by: 'marie', why: 'payday' })), /paused until .* at the latest/);
      await refused(run.update('pause', { by: 'paul', why: 'x' }), 'paused already, by marie');
      const { state, pauses } = await run.until('the step yields', ({ steps }) =>
        steps.some(({ id, state: now }) => id === 'yields' && now === 'waiting'),
      );
      assert.equal(state, 'paused');
      assert.deepEqual([pauses[0]?.origin, pauses[0]?.by, pauses[0]?.why], ['operator', 'marie', 'payday']);
      assert.match(await run.details(), /\*\*Paused\*\* by marie since .*, until .* at the latest: payday\n> update: resume/);
      open('waits', 'restarts', 'heedless', 'yields');
      await run.until('the others finish', ({ steps }) => steps.filter((each) => each.state === 'done').length === 3);
      assert.deepEqual(await statesOf(run), { waits: 'done', restarts: 'done', yields: 'waiting', heedless: 'done', next: 'waiting' });
      assert.equal(await run.update('resume', { by: 'paul', why: 'paid' }), 'going on');
      const { decisions, steps } = await doneEnd(run);
      assert.deepEqual(
        decisions.map(({ choice, by, why }) => [choice, by, why]),
        [
          ['pause', 'marie', 'payday'],
          ['resume', 'paul', 'paid'],
        ],
      );
      assert.deepEqual([timesOf(run, 'yields'), timesOf(run, 'restarts'), timesOf(run, 'next')], [2, 1, 1]);
      assert.ok(steps.every(({ state: end, note }) => end === 'done' && note === undefined));
    });

    test('a step that does not begin while the run is paused says so', async () => {
      const { run, open } = await working();
      await run.update('pause', { by: 'marie', why: 'payday' });
      open('waits', 'restarts', 'heedless', 'yields');
      await run.until('the step waits', ({ steps }) => steps.some(({ note }) => note === 'waits: the run is paused'));
      await run.update('resume', { by: 'marie' });
      await doneEnd(run);
    });

    test('where the policy says so, steps that can begin again are ended, and begin again', async () => {
      const { run, open } = await working({ underWay: 'end' });
      await run.update('pause', { by: 'marie', why: 'payday' });
      await run.until('both are ended', ({ steps }) => steps.filter(({ state }) => state === 'waiting').length === 3);
      assert.deepEqual(await statesOf(run), {
        waits: 'running',
        restarts: 'waiting',
        yields: 'waiting',
        heedless: 'running',
        next: 'waiting',
      });
      open('waits', 'restarts', 'heedless', 'yields');
      await run.update('resume', { by: 'marie' });
      await doneEnd(run);
      assert.deepEqual(
        ['waits', 'restarts', 'yields', 'heedless'].map((id) => timesOf(run, id)),
        [1, 2, 2, 1],
      );
    });

    test('a pause that nobody lifts ends at its limit: the run goes on, and says so', async () => {
      const { run, open } = await working({ limitSeconds: 1, whenPauseEnds: 'goOn' });
      await run.update('pause', { by: 'marie', why: 'payday' });
      open('waits', 'restarts', 'heedless', 'yields');
      const { warnings, decisions } = await doneEnd(run);
      assert.match(warnings.join(), /paused by marie \(payday\) and not resumed within 1 s: the run goes on/);
      assert.deepEqual([decisions[1]?.choice, decisions[1]?.by], ['resume', 'the limit of a pause']);
      assert.equal(timesOf(run, 'next'), 1);
    });

    test('or the run stops, where its policy says so', async () => {
      const { run } = await working({ limitSeconds: 1, whenPauseEnds: 'stop' });
      await run.update('pause', { by: 'marie', why: 'payday' });
      await failedEnd(run, 'LoadTooHigh', 'the run was paused by marie (payday) and not resumed within 1 s');
      assert.deepEqual((await run.progress()).pauses, []);
    });

    test('a pause from above has no limit of its own and is lifted from above', async () => {
      const { run, open } = await working({ limitSeconds: 1, whenPauseEnds: 'stop' });
      await run.handle.signal('pausedAbove', { by: 'marie', why: 'payday' });
      const { pauses } = await run.until('it is paused', ({ state }) => state === 'paused');
      assert.deepEqual([pauses[0]?.origin, pauses[0]?.untilAt], ['above', undefined]);
      await refused(run.update('resume', { by: 'paul' }), 'the run that this one is a part of is paused, by marie: resume that one');
      open('waits', 'restarts', 'heedless', 'yields');
      await run.handle.signal('pausedAbove', null);
      await doneEnd(run);
    });

    test('a paused run is cancelled or aborted as any other', async () => {
      const [first, second] = [await working(), await working()];
      for (const { run } of [first, second]) await run.update('pause', { by: 'marie', why: 'payday' });
      await first.run.handle.cancel();
      await cancelledEnd(first.run);
      await second.run.update('abort', { by: 'marie', why: 'tomorrow' });
      await failedEnd(second.run, 'StepAborted', 'marie: tomorrow');
      for (const { run } of [first, second]) assert.deepEqual((await run.progress()).pauses, []);
    });

    test('a run without a step that could wait refuses a pause', async () => {
      const standing = gate();
      const run = await bench().start('wordsSteps', {}, { begin: standing.wait });
      await run.called('begin');
      await refused(run.update('pause', { by: 'marie', why: 'payday' }), 'this procedure has no step that could wait');
      standing.open();
      await doneEnd(run);
    });
  });
}
