import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';

import { tool } from '../../deploy/setup/tools.ts';
import { startGateway, type Gateway } from '../activities/objectStore/gateway.ts';
import { openLabBench, type LabBench } from '../support/labBench.ts';
import { isCopying, platformRunsAsBefore, slowCopies } from '../support/labNights.ts';

describe('the cold backup on the lab: real SSH, supervisord, MongoDB, S3, Temporal', { concurrency: 1 }, () => {
  let bench: LabBench;
  let initial: string[];
  let gateway: Gateway;
  before(async () => {
    gateway = await startGateway(await tool('objectStore'));
    bench = await openLabBench({ machines: 'supervisor', megabytesPerShard: 25 });
    initial = await bench.running();
    assert.ok(initial.length > 15, `only ${initial.length} services run`);
  });
  after(async () => {
    await bench?.end();
    await gateway.stop();
  });

  const platformIsBack = (): Promise<void> => platformRunsAsBefore(bench, initial);

  test('a dry run answers with the plan and touches nothing', async () => {
    const plan = await bench.execute<{ dryRun: boolean; steps: { title: string; commands: string[] }[]; unwind: string[] }>(
      'vitamColdBackup',
      { dryRun: true },
    );
    assert.equal(plan.dryRun, true);
    assert.ok(plan.steps.length > 60);
    assert.ok(plan.steps.some(({ commands }) => commands.some((command) => command.includes('stop vitam-worker'))));
    assert.deepEqual(await bench.running(), initial);
    assert.deepEqual(await bench.leftInBackups(), []);
  });

  test('backs up, brings back, uploads, and the set is proven by restoring it', async () => {
    for (const name of ['access', 'secret'])
      await writeFile(join(bench.lab.secretsDirectory, name), await gateway.resolveSecret(name), { mode: 0o600 });
    const report = await bench.backUp({ backup: { objectStore: gateway.store } });
    const { Contents: objects = [] } = await gateway.client.send(new ListObjectsV2Command({ Bucket: gateway.store.bucket }));
    const sizes = new Map(objects.map(({ Key, Size }) => [Key, Size]));
    for (const { name, archive } of report.parts)
      assert.equal(sizes.get(`vitam/night/${report.set}/${name}.tar.zst`), archive.sizeBytes, name);
    assert.ok(sizes.has(`vitam/night/${report.set}/manifest.json`));
    assert.deepEqual(report.parts.map(({ name }) => name).sort(), [
      'data/configsrv',
      'data/shard0',
      'data/shard1',
      'further/conf',
      'further/data-storage',
    ]);
    assert.ok(report.documents > 1_000 && report.collections > 10);
    await platformIsBack();
    const proof = await bench.prove(report.set);
    assert.equal(proof.proven, true);
    assert.equal(proof.documents, report.documents);
    assert.equal(proof.collections, report.collections);
  });

  test('a worker that is killed in the middle of a copy: another goes on, the copy was begun once, the set is proven', async () => {
    const handle = await bench.start(slowCopies);
    await bench.until(handle, 'a copy', isCopying);
    await bench.killWorker();
    await bench.startWorker();
    const report = (await handle.result()) as { set: string; steps: { id: string; attempts: number }[] };
    for (const { id, attempts } of report.steps.filter((step) => step.id.startsWith('copy/')))
      assert.equal(attempts, 1, `${id} was begun ${attempts} times`);
    await platformIsBack();
    assert.equal((await bench.prove(report.set)).proven, true);
  });

  test('a cancel in the middle of a copy: everything comes back, nothing of the copy is left', async () => {
    const before_ = await bench.leftInBackups();
    const handle = await bench.start(slowCopies);
    await bench.until(handle, 'a copy', isCopying);
    await handle.cancel();
    await assert.rejects(handle.result(), (error) => error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure);
    const progress = await bench.progress(handle);
    assert.equal(progress.state, 'cancelled');
    assert.deepEqual(progress.down, []);
    await platformIsBack();
    assert.deepEqual(await bench.leftInBackups(), before_);
  });
});
