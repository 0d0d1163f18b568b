import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';

import type { StartFacts } from '../../workflows/vitam/start.ts';
import { openLabBench, type LabBench } from '../support/labBench.ts';
import { isCopying, platformRunsAsBefore, slowCopies } from '../support/labNights.ts';

// Part of `npm run test:nights`: whole nights beyond those of `npm test`.
describe('a cold backup on the lab that was terminated', { concurrency: 1 }, () => {
  let bench: LabBench;
  let initial: string[];
  before(async () => {
    bench = await openLabBench({ machines: 'supervisor', megabytesPerShard: 25 });
    initial = await bench.running();
  });
  after(() => bench.end());

  test('leaves the platform down, and vitamStart brings it up as it was', async () => {
    const handle = await bench.start(slowCopies);
    await bench.until(handle, 'a copy', isCopying);
    await handle.terminate('the test takes the run away');
    const down = await bench.status();
    assert.notEqual(down.verdict, 'up');
    assert.equal(down.lostRun?.workflowId, handle.workflowId);
    const refused = await bench.start();
    await assert.rejects(
      refused.result(),
      (error) =>
        error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure && error.cause.type === 'LeftoverOfEarlierRun',
    );
    const started = await bench.execute<StartFacts>('vitamStart', {});
    assert.equal(started.lostRun, handle.workflowId);
    await platformRunsAsBefore(bench, initial);
    assert.deepEqual(
      (await bench.leftInBackups()).filter((path) => path.endsWith('.part') || path.endsWith('.run.json')),
      [],
    );
  });
});
