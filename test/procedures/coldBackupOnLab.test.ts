import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';

import { tool } from '../../deploy/setup/tools.ts';
import { startGateway, type Gateway } from '../activities/objectStore/gateway.ts';
import { openLabBench, type LabBench } from '../support/labBench.ts';
import type { StartReport } from '../../workflows/vitam/start.contract.ts';

/** Copies slow enough to be met in their middle. */
const slowCopies = { backup: { compressionLevel: 19 } };

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

  const isCopying = ({ steps }: { steps: { id: string; state: string; bytes?: { done: number } }[] }): boolean =>
    steps.some(({ id, state, bytes }) => id.startsWith('copy/data/shard') && state === 'running' && (bytes?.done ?? 0) > 0);

  async function platformIsBack(): Promise<void> {
    assert.deepEqual(await bench.running(), initial);
    const status = await bench.status();
    assert.equal(status.verdict, 'up', JSON.stringify(status.down));
    assert.deepEqual(
      status.balancers.map(({ mode }) => mode),
      ['full'],
    );
    assert.equal(status.lostRun, null);
  }

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

  test('a run that was terminated leaves the platform down, and vitamStart brings it up as it was', async () => {
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
    const started = await bench.execute<StartReport>('vitamStart', {});
    assert.equal(started.lostRun, handle.workflowId);
    await platformIsBack();
    assert.deepEqual(
      (await bench.leftInBackups()).filter((path) => path.endsWith('.part') || path.endsWith('.run.json')),
      [],
    );
  });
});
