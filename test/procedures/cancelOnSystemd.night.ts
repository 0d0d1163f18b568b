import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';

import { systemdMachinesAvailable } from '../../deploy/lab/machines/systemdMachines.ts';
import { openLabBench, type LabBench } from '../support/labBench.ts';
import { isCopying, slowCopies } from '../support/labNights.ts';

const { available, why } = await systemdMachinesAvailable();
if (!available) {
  console.log(`# SKIPPED LOUDLY: the cold backup on systemd hosts cannot run here: ${why}`);
  assert.notEqual(process.env.REQUIRE_REAL, '1', `real systemd hosts are required: ${why}`);
}

// Part of `npm run test:nights`: whole nights beyond those of `npm test`.
describe('a cancelled cold backup on hosts with real systemd and sshd', { concurrency: 1, skip: available ? false : why }, () => {
  let bench: LabBench;
  let initial: string[];
  before(async () => {
    bench = await openLabBench({ machines: 'systemd', megabytesPerShard: 25 });
    initial = await bench.running();
    assert.ok(initial.length > 15, `only ${initial.length} services run`);
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
