import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { cancelledEnd, doneEnd } from './procedure.ts';
import { failing, gate, type WordsBench } from './wordsBench.ts';

/** What the server refuses. */
export const bytesMax = 20_000;

export function detailsTests(bench: () => WordsBench): void {
  describe('details', { concurrency: 4 }, () => {
    test('of a thousand steps those that need a person and those under way are seen first', async () => {
      const run = await bench().start(
        'wordsMany',
        { policy: { onStepFailure: 'hold' } },
        { 'one/0900': gate().wait, 'one/0901': failing() },
      );
      await run.called('one/0900');
      await run.until('it wants a person twice', ({ held, questions }) => held.length + questions.length === 2);
      const details = await run.details();
      assert.ok(Buffer.byteLength(details) < bytesMax, `${Buffer.byteLength(details)} bytes`);
      const places = [
        'wordsMany · words** — working, Every one',
        '**Held** `one/0901` until ',
        '**Question** `go`: Go on?',
        '- [ ] **now** do what is to be done for number 0900',
        '- [ ] Every one: 899 of 1000',
        '  - [x] do what is to be done for number 0899',
        '  - [ ] **now** do what is to be done for number 0900',
        '  - [ ] do what is to be done for number 0903',
      ].map((line) => {
        const place = details.indexOf(line);
        assert.ok(place >= 0, `${line} is not in\n${details}`);
        return place;
      });
      assert.deepEqual(
        places,
        places.toSorted((a, b) => a - b),
      );
      await run.handle.cancel();
      await cancelledEnd(run);
      assert.match(await run.details(), /wordsMany · words\*\* — cancelled, /);
    });

    test('each run has its own, on one worker', async () => {
      const [first, second] = [gate(), gate()];
      const runs = await Promise.all([
        bench().start('wordsTakeDown', { items: [{ id: 'one' }] }, { work: first.wait }),
        bench().start('wordsTakeDown', { items: [{ id: 'two' }] }, { work: second.wait }),
      ]);
      for (const run of runs) await run.called('work');
      const [one, two] = await Promise.all(runs.map(({ details }) => details()));
      assert.match(one ?? '', /Down: 1 of 1/);
      assert.match(one ?? '', /\*\*now\*\* work/);
      assert.match(two ?? '', /\*\*now\*\* work/);
      first.open();
      await doneEnd(runs[0]);
      assert.match(await runs[0].details(), /— done, /);
      assert.match(await runs[1].details(), /— working, Work/);
      second.open();
      await doneEnd(runs[1]);
    });
  });
}
