import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { cancelledEnd, failedEnd } from './procedure.ts';
import { refused } from './steps.ts';
import { gate, type WordsBench } from './wordsBench.ts';

export function stoppableTests(bench: () => WordsBench): void {
  describe('stoppable', { concurrency: 6 }, () => {
    test('an abort ends the work, brings everything back, and says who and why', async () => {
      const run = await bench().start('wordsLoop', {}, { work: gate().wait });
      await run.called('work');
      await run.update('abort', { by: 'marie', why: 'wrong night' });
      await failedEnd(run, 'StepAborted', 'the run was aborted by marie: wrong night');
      assert.deepEqual(run.calls.slice(1), ['down/thing', 'work', 'back/thing']);
      assert.deepEqual((await run.report()).stillDown, []);
      await assert.rejects(run.update('abort', { by: 'marie' }));
    });

    test('work that stops itself ends with its reason, with everything back', async () => {
      const run = await bench().start('wordsLoop', {}, { work: () => 'stop' });
      await failedEnd(run, 'NotConfirmed', 'the work has stopped itself');
      assert.deepEqual(run.calls.slice(1), ['down/thing', 'work', 'back/thing']);
    });

    test('a history that grows too long ends the work while there is room to bring everything back', async () => {
      const run = await bench().start('wordsLoop', { policy: { historyEventsMax: 100 } });
      await failedEnd(run, 'HistoryTooLong', /the run has 1\d\d events in its history/);
      assert.equal(run.calls.at(-1), 'back/thing');
      assert.ok(run.calls.length > 10, 'it was ended at once');
      assert.deepEqual((await run.report()).stillDown, []);
      assert.ok(Number((await run.handle.describe()).historyLength) < 200);
    });

    test('a cancel after an abort ends the run cancelled, with everything back', async () => {
      const coming = gate();
      const run = await bench().start('wordsLoop', {}, { work: gate().wait, 'back/thing': coming.wait });
      await run.called('work');
      await run.update('abort', { by: 'marie', why: 'wrong night' });
      await run.called('back/thing');
      await refused(run.update('abort', { by: 'paul' }), 'the run is not working any more: bringingBack');
      await run.handle.cancel();
      coming.open();
      await cancelledEnd(run);
      const { failure, stillDown } = await run.report();
      assert.match(failure?.message ?? '', /on the way out: the run was aborted by marie: wrong night/);
      assert.deepEqual(stillDown, []);
    });
  });
}
