import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { failure } from '../../../activities/failure.ts';
import { pauseBetweenLooks } from '../../../workflows/runbook/alongside.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { doneEnd, failedEnd } from './procedure.ts';
import { failing, gate, type WordsBench } from './wordsBench.ts';

const ofItems = (calls: string[]): string[] => calls.filter((call) => /^\d+$/.test(call));

export function fanOutTests(bench: () => WordsBench): void {
  describe('inParallel and workPool', { concurrency: 6 }, () => {
    test('results stand in the order of the items, and no more than so many run at once', async () => {
      const first = gate();
      const run = await bench().start(
        'wordsFan',
        { word: 'inParallel', items: ['1', '2', '3', '4', '5'], atOnceMax: 2 },
        { '1': first.wait, '5': () => 'the last' },
      );
      // The second lane does all the others while the first one stands.
      await run.called('5');
      assert.deepEqual(ofItems(run.calls).sort(), ['1', '2', '3', '4', '5']);
      first.open('the first');
      assert.deepEqual((await doneEnd(run))['results'], ['the first', '2', '3', '4', 'the last']);
    });

    for (const word of ['inParallel', 'workPool'] as const)
      test(`${word}: the first failure ends what is under way and takes nothing more; every failure is told`, async () => {
        const failingOne = gate();
        const cleanup = Promise.withResolvers<undefined>();
        const run = await bench().start(
          'wordsFan',
          { word, items: ['3', '2', '1'], atOnceMax: 2 },
          {
            '3': async () => {
              await failingOne.wait();
              return failing()();
            },
            '2': gate(async () => {
              run.calls.push('2 was cancelled');
              await cleanup.promise;
              return failing()();
            }).wait,
          },
        );
        await run.called('3');
        await run.called('2');
        failingOne.open();
        await run.called('2 was cancelled');
        assert.equal(await run.status(), 'RUNNING', 'something of the join still runs');
        cleanup.resolve(undefined);
        await failedEnd(run, 'InvalidInput', '2 failures: a trouble made by the test', ' | ');
        assert.ok(!run.calls.includes('1'));
      });

    test('a pool takes the heaviest first, and what other pieces have made possible', async () => {
      const run = await bench().start('wordsFan', {
        word: 'workPool',
        items: ['2', '5', '3'],
        atOnceMax: 1,
        then: { '5': ['4', '9'], '2': ['7'] },
      });
      await doneEnd(run);
      assert.deepEqual(ofItems(run.calls), ['5', '9', '4', '3', '2', '7']);
    });

    test('a lane of a pool that has nothing to do waits for what others make possible', async () => {
      const six = gate();
      const run = await bench().start(
        'wordsFan',
        { word: 'workPool', items: ['8'], atOnceMax: 3, then: { '8': ['6', '5', '4'] } },
        { '6': six.wait },
      );
      await run.called('4');
      assert.deepEqual(ofItems(run.calls).sort(), ['4', '5', '6', '8']);
      six.open();
      await doneEnd(run);
    });
  });

  describe('alongside and lookingOn', { concurrency: 6 }, () => {
    test('a watch ends with its work', async () => {
      const working = gate();
      const run = await bench().start(
        'wordsWatch',
        { word: 'alongside' },
        { work: working.wait, look: gate(() => void run.calls.push('the watch has ended')).wait },
      );
      await run.called('look');
      working.open('good');
      assert.equal((await doneEnd(run))['answer'], 'good');
      assert.equal(run.calls.at(-1), 'the watch has ended');
    });

    test('a watch that fails fails the whole once the work has ended', async () => {
      const working = gate();
      const run = await bench().start('wordsWatch', { word: 'alongside' }, { work: working.wait, look: failing() });
      await run.called('look');
      await run.called('work');
      assert.equal(await run.status(), 'RUNNING');
      working.open();
      await failedEnd(run, 'InvalidInput', 'a trouble made by the test');
    });

    test('work that fails is what is told, whatever became of its watch', async () => {
      const working = gate();
      const failed = async (): Promise<undefined> => {
        await working.wait();
        throw failure('NotConfirmed', 'the work failed');
      };
      const run = await bench().start('wordsWatch', { word: 'alongside' }, { work: failed, look: failing() });
      await run.called('look');
      working.open();
      await failedEnd(run, 'NotConfirmed', 'the work failed');
    });

    test('a look that fails does not stop the work; the next one may pass', async () => {
      const working = gate();
      const run = await bench().start('wordsWatch', { word: 'lookingOn' }, { work: working.wait, look: failing(1) });
      await run.called('look', 2);
      working.open('good');
      assert.equal((await doneEnd(run))['answer'], 'good');
      await waitUntil('no timer is left', async () => (await run.status()) === 'COMPLETED');
    });

    test('looks are a twentieth of the elapsed time apart, between the first pause and five minutes', () => {
      const ago = (seconds: number, firstMs?: number): number => pauseBetweenLooks(Date.now() - seconds * 1000, firstMs) / 1000;
      assert.equal(ago(0), 5);
      assert.equal(ago(0, 1_000), 1);
      assert.ok(Math.abs(ago(600) - 30) < 1);
      assert.equal(ago(86_400), 300);
    });
  });
}
