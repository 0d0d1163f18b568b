import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { LabBench } from '../support/labBench.ts';
import { openSystemdBench } from '../support/labNights.ts';
import { systemdMissing } from '../support/systemdMissing.ts';

const skip = await systemdMissing('the cold backup');

describe('the cold backup on hosts with real systemd and sshd', { concurrency: 1, skip }, () => {
  let bench: LabBench;
  let initial: string[];
  before(async () => {
    ({ bench, initial } = await openSystemdBench());
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
