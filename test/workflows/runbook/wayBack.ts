import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { RunReport } from '../../../workflows/runbook/runbook.contract.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { cancelledEnd, doneEnd, failedEnd } from './procedure.ts';
import { refused } from './steps.ts';
import { failing, gate, type WordsBench, type WordsRun } from './wordsBench.ts';

const items = [{ id: 'a' }, { id: 'b', back: 'afterSuccess' }, { id: 'c' }, { id: 'd', back: 'never' }];
const backOf = ({ calls }: WordsRun): string[] => calls.filter((call) => call.startsWith('back/'));
const downIds = ({ stillDown }: Pick<RunReport, 'stillDown'>): string[] => stillDown.map(({ id }) => id);

export function wayBackTests(bench: () => WordsBench): void {
  describe('takeDown and untilBack', { concurrency: 12 }, () => {
    test('what was taken down comes back, the newest first; what is never brought back stays, and is told', async () => {
      const working = gate();
      const run = await bench().start('wordsTakeDown', { items }, { work: working.wait });
      await run.called('work');
      const { down } = await run.progress();
      assert.deepEqual(
        down.map(({ id, title, commands }) => [id, title, commands]),
        items.map(({ id }) => [id, `service ${id}`, [`start-by-hand ${id}`]]),
      );
      assert.match(await run.details(), /\*\*Down because of this run: 4\*\* \(since /);
      working.open();
      const report = await doneEnd(run);
      assert.deepEqual(backOf(run), ['back/c', 'back/b', 'back/a']);
      assert.equal(run.calls.at(-1), 'finish');
      assert.deepEqual(downIds(report), ['d']);
      assert.deepEqual((await run.outcome()).stillDown, ['service d']);
      assert.deepEqual(
        report.steps.filter(({ phase }) => phase === 'Back').map(({ id, state }) => [id, state]),
        [
          ['back/c', 'done'],
          ['back/b', 'done'],
          ['back/a', 'done'],
        ],
      );
    });

    test('the downtime is the time in which something was down', async () => {
      const finishing = gate();
      const run = await bench().start('wordsTakeDown', { items: [{ id: 'a' }] }, { finish: finishing.wait });
      await run.called('finish');
      const { downtimeSeconds } = await run.progress();
      assert.ok(downtimeSeconds > 0);
      finishing.open();
      const report = await doneEnd(run);
      assert.equal(report.downtimeSeconds, downtimeSeconds, 'it is up while the rest is done');
      assert.ok(report.downtimeSeconds <= report.seconds + 0.1);
    });

    for (const how of ['failed', 'was cancelled'])
      test(`after work that ${how}, what only good work brings back stays down, and is told`, async () => {
        const run = await bench().start('wordsTakeDown', { items }, { work: how === 'failed' ? failing() : gate().wait });
        if (how !== 'failed') {
          await run.called('work');
          await run.handle.cancel();
        }
        await (how === 'failed' ? failedEnd(run, 'InvalidInput', 'a trouble') : cancelledEnd(run));
        assert.deepEqual(backOf(run), ['back/c', 'back/a']);
        assert.ok(!run.calls.includes('finish'));
        const report = await run.report();
        assert.deepEqual(downIds(report), ['b', 'd']);
        const { stillDown, next } = await run.outcome();
        assert.deepEqual(stillDown, ['service b', 'service d']);
        assert.equal(next, 'start-by-hand b ; start-by-hand d');
        assert.deepEqual(
          report.decisions.map(({ choice }) => choice),
          how === 'failed' ? [] : ['cancel'],
        );
      });

    test('what an act that fails may have taken down comes back too', async () => {
      const run = await bench().start('wordsTakeDown', { items }, { 'down/c': failing() });
      await failedEnd(run, 'InvalidInput', 'a trouble');
      assert.deepEqual(backOf(run), ['back/c', 'back/a']);
    });

    test('a way back within another one brings back what its own work took down, and leaves the rest to the other', async () => {
      const run = await bench().start('wordsNested');
      await doneEnd(run);
      assert.deepEqual(run.calls.slice(1), ['down/outer', 'down/inner', 'work', 'back/inner', 'between', 'back/outer']);
    });

    test('a cancel within two ways back brings everything back, and is one decision', async () => {
      const run = await bench().start('wordsNested', {}, { work: gate().wait });
      await run.called('work');
      await run.handle.cancel();
      await cancelledEnd(run);
      assert.deepEqual(backOf(run), ['back/inner', 'back/outer']);
      const report = await run.report();
      assert.deepEqual(downIds(report), []);
      assert.deepEqual(
        report.decisions.map(({ subject, choice }) => `${subject}: ${choice}`),
        ['the run: cancel'],
      );
    });

    test('what does not come back is tried again and does not keep the rest down', async () => {
      const run = await bench().start('wordsTakeDown', { items }, { 'back/c': failing(2) });
      await doneEnd(run);
      assert.deepEqual(backOf(run), ['back/c', 'back/c', 'back/c', 'back/b', 'back/a']);
      assert.equal((await run.progress()).attention, 'none');
    });

    for (const how of ['failed', 'was cancelled'])
      test(`what does not come back after work that ${how} is named, with the commands for a person`, async () => {
        const run = await bench().start(
          'wordsTakeDown',
          { items, policy: { restoreLimitSeconds: 1 } },
          { work: how === 'failed' ? failing() : gate().wait, 'back/c': failing() },
        );
        if (how !== 'failed') {
          await run.called('work');
          await run.handle.cancel();
        }
        const { details } = await failedEnd(
          run,
          'PlatformNotRestored',
          how === 'failed' ? 'after the failure "a trouble made by the test' : 'after the cancel',
          'start c (InvalidInput: a trouble made by the test',
          'Commands: start-by-hand c',
        );
        assert.ok(backOf(run).includes('back/a'), 'the others are back');
        assert.deepEqual(downIds((details as [RunReport])[0]), ['b', 'c', 'd']);
        assert.equal((await run.progress()).attention, 'restore');
        const { stillDown, next, downtimeSeconds } = await run.outcome();
        assert.deepEqual(stillDown, ['service b', 'service c', 'service d']);
        assert.equal(next, 'start-by-hand b ; start-by-hand c ; start-by-hand d');
        assert.ok(downtimeSeconds >= 1);
      });

    test('the wait between two tries ends when a person says so', async () => {
      let isMended = false;
      const run = await bench().start('wordsTakeDown', { items: [{ id: 'a' }] }, { 'back/a': () => (isMended ? undefined : failing()()) });
      await run.called('back/a', 3);
      await refused(run.update('retryStep', {}), 'by: say who decides');
      // Timers that end on their own have fired; the one of such a wait alone can end early.
      await waitUntil('a wait was ended by the update', async () => {
        await run.update('retryStep', { by: 'marie' });
        const { events } = await run.handle.fetchHistory();
        return events?.some(({ timerCanceledEventAttributes: ended }) => ended) ?? false;
      });
      assert.equal((await run.progress()).attention, 'restore');
      isMended = true;
      const { decisions, stillDown } = await doneEnd(run);
      assert.deepEqual(stillDown, []);
      assert.deepEqual([decisions[0]?.subject, decisions[0]?.choice, decisions[0]?.by], ['bring back', 'retryStep', 'marie']);
      assert.equal((await run.progress()).attention, 'none');
    });

    test('a cancel on the way back does not disturb it; nothing new is begun after it', async () => {
      const coming = gate();
      const run = await bench().start('wordsTakeDown', { items }, { 'back/c': coming.wait });
      await run.called('back/c');
      assert.equal((await run.progress()).state, 'bringingBack');
      await refused(run.update('abort', { by: 'marie' }), 'the run is not working any more: bringingBack');
      await run.handle.cancel();
      await waitUntil('the cancel has reached the run', async () => {
        const { events } = await run.handle.fetchHistory();
        return events?.some(({ workflowExecutionCancelRequestedEventAttributes: asked }) => asked) ?? false;
      });
      coming.open();
      await cancelledEnd(run);
      assert.deepEqual(backOf(run), ['back/c', 'back/b', 'back/a']);
      assert.ok(!run.calls.includes('finish'));
    });
  });
}
