import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';

import { endRuns } from '../../deploy/lab/temporal/endRuns.ts';
import { openFakeBench, type FakeBench, type FakeRun } from '../support/coldBackupRun.ts';
import type { FakePlatform } from '../support/fakePlatform.ts';
import { startDevServer } from '../support/temporalServer.ts';
import { waitUntil } from '../support/waitUntil.ts';

describe('the end of the runs of a lab', { concurrency: 1 }, () => {
  let env: TestWorkflowEnvironment;
  let bench: FakeBench;
  before(async () => {
    env = await startDevServer();
    bench = await openFakeBench(env);
  });
  after(async () => {
    await bench.close();
    await env.teardown();
  });

  /** From then on the next run waits with its fronts stopped. */
  const neverDrains = ({ operations }: FakePlatform): void => {
    operations.push({ tenant: 0, operationId: 'op-1', globalState: 'RUNNING', stepStatus: 'STARTED', looksLeft: Infinity });
  };
  /** As a person does it with the temporal CLI. */
  const startByHand = ({ taskQueue }: FakeRun, workflowId: string): Promise<WorkflowHandle> =>
    env.client.workflow.start('vitamColdBackup', { workflowId, taskQueue, args: [{ platform: 'small' }] });
  const end = async (): Promise<string[]> => {
    const said: string[] = [];
    await endRuns({ client: env.client, taskQueue: bench.taskQueue }, (line) => said.push(line));
    return said;
  };

  test('reaches one that a person began under the id of a run that has ended, and waits until all is back', async () => {
    await bench.run({}, async (run) => {
      const former = run.platform.state();
      assert.ok('report' in (await run.ended));
      neverDrains(run.platform);
      const second = await startByHand(run, run.workflowId);
      await waitUntil('its fronts are stopped', () => run.platform.state().running.length < former.running.length);
      assert.deepEqual(await end(), [`run ${run.workflowId}: cancelled; waiting until what it took down is back …`]);
      assert.equal((await second.describe()).status.name, 'CANCELLED');
      assert.deepEqual(run.platform.state(), former);
    });
  });

  test('reaches one of any other id', async () => {
    await bench.run({}, async (run) => {
      const former = run.platform.state();
      assert.ok('report' in (await run.ended));
      neverDrains(run.platform);
      const other = await startByHand(run, `${run.workflowId}/again`);
      await waitUntil('its fronts are stopped', () => run.platform.state().running.length < former.running.length);
      await end();
      assert.equal((await other.describe()).status.name, 'CANCELLED');
      assert.deepEqual(run.platform.state(), former);
    });
  });

  test('has nothing to do when none is under way', async () => {
    assert.deepEqual(await end(), []);
  });
});
