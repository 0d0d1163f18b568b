import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { TestWorkflowEnvironment } from '@temporalio/testing';

import { linkTo, openTemporal } from '../../deploy/lab/temporal/openTemporal.ts';
import { Started } from '../../deploy/lab/started.ts';
import { startDevServer } from '../support/temporalServer.ts';

describe('the Temporal server of a demonstration', () => {
  let env: TestWorkflowEnvironment;
  const former = process.env.TEMPORAL_ADDRESS;
  before(async () => {
    env = await startDevServer();
    process.env.TEMPORAL_ADDRESS = env.address;
  });
  after(async () => {
    if (former === undefined) delete process.env.TEMPORAL_ADDRESS;
    else process.env.TEMPORAL_ADDRESS = former;
    await env.teardown();
  });

  test('is the one that the environment names, on a task queue of its own, and it outlives the demonstration', async () => {
    const said: string[] = [];
    const started = new Started(() => undefined);
    const temporal = await openTemporal({ name: 'lab', home: '/nonexistent', started, say: (line) => said.push(line) });
    await temporal.client.workflowService.describeNamespace({ namespace: temporal.namespace });
    const { address, namespace, taskQueue, cli } = temporal;
    assert.deepEqual(
      { address, namespace, taskQueue, cli },
      { ...{ address: env.address, namespace: 'default' }, taskQueue: 'operations-lab', cli: 'temporal' },
    );
    assert.deepEqual(said, [`temporal: the server of TEMPORAL_ADDRESS, ${env.address}, namespace default, task queue operations-lab`]);
    assert.equal(linkTo(temporal, 'any'), '');
    await started.end();
    await env.client.workflowService.describeNamespace({ namespace: 'default' });
  });
});
