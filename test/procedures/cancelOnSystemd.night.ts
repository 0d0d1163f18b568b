import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';

import type { LabBench } from '../support/labBench.ts';
import { isCopying, openSystemdBench, slowCopies } from '../support/labNights.ts';
import { systemdMissing } from '../support/systemdMissing.ts';

const skip = await systemdMissing('the cold backup');

// Part of `npm run test:nights`: whole nights beyond those of `npm test`.
describe('a cancelled cold backup on hosts with real systemd and sshd', { concurrency: 1, skip }, () => {
  let bench: LabBench;
  let initial: string[];
  before(async () => {
    ({ bench, initial } = await openSystemdBench());
  });
  after(() => bench.end());

  test('a cancel in the middle of a copy: the transient unit ends, everything comes back', async () => {
    const before_ = await bench.leftInBackups();
    const handle = await bench.start(slowCopies);
    await bench.until(handle, 'a copy', isCopying);
    await handle.cancel();
    await assert.rejects(handle.result(), (error) => error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure);
    assert.deepEqual(await bench.running(), initial);
    assert.deepEqual(await bench.leftInBackups(), before_);
  });
});
