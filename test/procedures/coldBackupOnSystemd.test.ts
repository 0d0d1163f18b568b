import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { systemdMachinesAvailable } from '../../deploy/lab/machines/systemdMachines.ts';
import { openLabBench, type LabBench } from '../support/labBench.ts';

const { available, why } = await systemdMachinesAvailable();
if (!available) {
  console.log(`# SKIPPED LOUDLY: the cold backup on systemd hosts cannot run here: ${why}`);
  assert.notEqual(process.env.REQUIRE_REAL, '1', `real systemd hosts are required: ${why}`);
}

describe('the cold backup on hosts with real systemd and sshd', { concurrency: 1, skip: available ? false : why }, () => {
  let bench: LabBench;
  let initial: string[];
  before(async () => {
    bench = await openLabBench({ machines: 'systemd', megabytesPerShard: 25 });
    initial = await bench.running();
    assert.ok(initial.length > 15, `only ${initial.length} services run`);
  });
  after(() => bench.end());

  test('backs up, brings back, and the set is proven by restoring it', async () => {
    const report = await bench.backUp();
    assert.deepEqual(await bench.running(), initial);
    const proof = await bench.prove(report.set);
    assert.equal(proof.documents, report.documents);
    assert.equal((await bench.status()).verdict, 'up');
  });
});
