import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

import { waitForPort } from '../../deploy/lab/machines/waitForListener.ts';
import type { StandInConfiguration, StandInKnobs } from '../../deploy/lab/standIns/standIn.contract.ts';
import { labDirectory } from './labDirectory.ts';

const program = fileURLToPath(new URL('../../deploy/lab/standIns/vitamComponentStandIn.ts', import.meta.url));
const address = '127.0.0.1';

interface Envelope<Row> {
  httpCode: number;
  $hits: { total: number };
  $results: Row[];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** One stand-in that runs until the test file ends. */
async function openStandIn(component: string, { peers = {}, operations = [] }: Partial<StandInConfiguration> = {}) {
  const directory = place.directory;
  const [servicePort, adminPort] = [await freePort(), await freePort()];
  const knobsFile = join(directory, `${component}-knobs.json`);
  const configuration: StandInConfiguration = {
    component,
    address,
    servicePort,
    adminPort,
    stateDirectory: join(directory, component),
    knobsFile,
    tenants: [0, 1, 2],
    peers,
    operations,
  };
  const file = join(directory, `${component}.json`);
  writeFileSync(file, JSON.stringify(configuration));
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, file], { stdio: 'ignore' });
    started.push(child);
    await waitForPort({ address, port: adminPort, limitMs: 20_000, what: component });
  };
  await start();

  /** As the product asks: also a GET may have a body. */
  function ask<Body = Envelope<Record<string, unknown>>>(
    method: string,
    path: string,
    {
      tenant,
      body,
      port = servicePort,
      headers = {},
    }: { tenant?: number; body?: unknown; port?: number; headers?: Record<string, string> } = {},
  ): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: Body }> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const outgoing = request(
        {
          host: address,
          port,
          method,
          path,
          headers: {
            ...headers,
            'content-length': Buffer.byteLength(text),
            ...(tenant === undefined ? {} : { 'x-tenant-id': String(tenant) }),
          },
        },
        (incoming) => {
          let answer = '';
          incoming.on('data', (chunk: Buffer) => (answer += chunk.toString()));
          incoming.on('end', () =>
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              body: (answer === '' ? undefined : JSON.parse(answer)) as Body,
            }),
          );
        },
      );
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  }

  return {
    ask,
    adminPort,
    servicePort,
    start,
    setKnobs: (knobs: StandInKnobs) => writeFileSync(knobsFile, JSON.stringify(knobs)),
    async stop() {
      const beganAt = Date.now();
      child.kill('SIGTERM');
      const [code] = (await once(child, 'exit')) as [number | null];
      return { code, elapsedMs: Date.now() - beganAt };
    },
  };
}

const started: ChildProcess[] = [];
const place = labDirectory();
after(() => {
  for (const child of started) child.kill('SIGKILL');
  place.remove();
});

describe('the stand-in of any component', () => {
  test('answers status and autotest, and ends on TERM as a JVM does', async () => {
    const component = await openStandIn('access-external');
    assert.equal((await component.ask('GET', '/admin/v1/status', { port: component.adminPort })).status, 200);
    const autotest = await component.ask<{ message: string }>('GET', '/admin/v1/autotest', { port: component.adminPort });
    assert.equal(autotest.status, 200);
    assert.equal(autotest.body.message, 'All services are available');
    component.setKnobs({ statusCode: 503 });
    assert.equal((await component.ask('GET', '/admin/v1/autotest', { port: component.adminPort })).status, 503);
    component.setKnobs({});
    const { code, elapsedMs } = await component.stop();
    assert.equal(code, 143);
    assert.ok(elapsedMs < 2000, `took ${elapsedMs} ms`);
  });

  test('ignores TERM when told to', async () => {
    const component = await openStandIn('storage');
    component.setKnobs({ refuseStop: true });
    started.at(-1)?.kill('SIGTERM');
    await sleep(700);
    assert.equal((await component.ask('GET', '/admin/v1/status')).status, 200);
    component.setKnobs({ exitStatus: 5, stopSeconds: 0 });
    assert.equal((await component.stop()).code, 5);
  });
});

describe('the stand-in of processing', () => {
  test('lists the workflows of a tenant by state, completes them, keeps them over a restart', async () => {
    const processing = await openStandIn('processing', { operations: [{ tenant: 0, seconds: 2 }] });
    const active = async (tenant: number) =>
      (await processing.ask('GET', '/processing/v1/operations', { tenant, body: { states: ['RUNNING', 'PAUSE'] } })).body;
    const [first] = (await active(0)).$results;
    assert.equal((await active(0)).$hits.total, 1);
    assert.equal((await active(1)).$hits.total, 0);
    assert.deepEqual(Object.keys(first ?? {}), [
      'operationId',
      'processType',
      'globalState',
      'stepStatus',
      'previousStep',
      'nextStep',
      'stepByStep',
      'processDate',
    ]);
    const id = String(first?.operationId);
    assert.equal((await processing.ask('HEAD', `/processing/v1/operations/${id}`, { tenant: 0 })).status, 202);
    assert.equal((await processing.ask('GET', '/processing/v1/operations', {})).status, 412);

    await processing.ask('POST', '/lab/operations', { body: { tenant: 1, state: 'PAUSE', status: 'FATAL' } });
    await processing.stop();
    await processing.start();
    const [stuck] = (await active(1)).$results;
    assert.equal(stuck?.globalState, 'PAUSE');
    assert.equal(stuck?.stepStatus, 'FATAL');
    const path = `/processing/v1/operations/${String(stuck?.operationId)}`;
    assert.equal((await processing.ask('PUT', path, { tenant: 1, headers: { 'x-action': 'RESUME' } })).status, 202);
    assert.equal((await active(1)).$results[0]?.globalState, 'RUNNING');
    assert.equal((await processing.ask('DELETE', path, { tenant: 1 })).status, 202);
    assert.equal((await active(1)).$hits.total, 0);

    for (const deadline = Date.now() + 5000; (await active(0)).$hits.total > 0; await sleep(50)) assert.ok(Date.now() < deadline);
    const head = await processing.ask('HEAD', `/processing/v1/operations/${id}`, { tenant: 0 });
    assert.equal(head.status, 200);
    assert.equal(head.headers['x-global-execution-state'], 'COMPLETED');
  });
});

describe('the stand-in of the logbook', () => {
  test('secures the operations when storage and workspace are up, and is FATAL without one of them', async () => {
    const peer = createServer().listen(0, address);
    await once(peer, 'listening');
    const up = [{ address, port: (peer.address() as AddressInfo).port }];
    const logbook = await openStandIn('logbook', { peers: { storage: up, workspace: up, processing: up, worker: up } });
    logbook.setKnobs({ securisationSeconds: 0.1, lifecycleSeconds: 0.3 });
    const newest = {
      $query: { $and: [{ $eq: { evType: 'STP_OP_SECURISATION' } }, { $gte: { evDateTime: new Date().toISOString() } }] },
      $filter: { $orderby: { evDateTime: -1 }, $limit: 1 },
      $projection: {},
    };
    assert.equal((await logbook.ask('GET', '/logbook/v1/operations', { tenant: 1, body: newest })).body.$hits.total, 0);
    const run = await logbook.ask<Envelope<{ tenantId: number; operationId: string }>>('POST', '/logbook/v1/operations/traceability', {
      tenant: 1,
      body: [0, 2],
    });
    assert.deepEqual(
      run.body.$results.map(({ tenantId }) => tenantId),
      [0, 2],
    );
    const operation = await logbook.ask('GET', `/logbook/v1/operations/${run.body.$results[0]?.operationId}`, { tenant: 0 });
    assert.equal(operation.body.$results[0]?.evType, 'STP_OP_SECURISATION');
    assert.equal(operation.body.$results[0]?.outcome, 'OK');
    const found = await logbook.ask('GET', '/logbook/v1/operations', { tenant: 1, body: newest });
    assert.equal(found.body.$results.length, 1);
    assert.equal(found.body.$hits.total, 2);

    const begun = await logbook.ask<Envelope<string>>('POST', '/logbook/v1/lifecycles/units/traceability', { tenant: 0 });
    assert.equal(begun.status, 200);
    assert.equal((await logbook.ask('POST', '/logbook/v1/lifecycles/objectgroups/traceability', { tenant: 2 })).status, 202);
    const check = async () =>
      (await logbook.ask('GET', `/logbook/v1/lifecycles/traceability/check/${begun.body.$results[0]}`, { tenant: 0 })).body.$results[0];
    assert.deepEqual(await check(), { completed: false, paused: false, outcome: 'STARTED', maxEntriesReached: false });
    await sleep(400);
    assert.deepEqual(await check(), { completed: true, paused: false, outcome: 'OK', maxEntriesReached: false });

    peer.close();
    await once(peer, 'close');
    const failed = await logbook.ask<Envelope<{ operationId: string }>>('POST', '/logbook/v1/operations/traceability', {
      tenant: 1,
      body: [0],
    });
    const outcome = await logbook.ask('GET', `/logbook/v1/operations/${failed.body.$results[0]?.operationId}`, { tenant: 0 });
    assert.equal(outcome.body.$results[0]?.outcome, 'FATAL');
  });
});

describe('the stand-in of the scheduler', () => {
  test('stays paused over a restart until it is resumed', async () => {
    const scheduler = await openStandIn('scheduler');
    const port = scheduler.adminPort;
    const state = async (): Promise<unknown> =>
      (await scheduler.ask<Envelope<string>>('GET', '/scheduler/v1/job-state/OperationTraceabilityJob', { port })).body.$results[0];
    assert.equal((await scheduler.ask('GET', '/scheduler/v1/current-jobs', { port })).body.$hits.total, 0);
    assert.ok(
      (await scheduler.ask('GET', '/scheduler/v1/jobs', { port })).body.$results.some(
        ({ Key }) => Key === 'Logbook.TraceabilityLFCUnitJob',
      ),
    );
    scheduler.setKnobs({ runningJobs: ['OperationTraceabilityJob'] });
    assert.equal(
      (await scheduler.ask('GET', '/scheduler/v1/current-jobs', { port })).body.$results[0]?.Key,
      'Logbook.OperationTraceabilityJob',
    );
    scheduler.setKnobs({});
    assert.equal(await state(), 'NORMAL');
    assert.equal((await scheduler.ask('PUT', '/scheduler/v1/pause/ALL', { port })).status, 202);
    assert.equal(await state(), 'PAUSED');
    await scheduler.stop();
    await scheduler.start();
    assert.equal(await state(), 'PAUSED');
    assert.equal((await scheduler.ask('PUT', '/scheduler/v1/resume/ALL', { port })).status, 202);
    assert.equal(await state(), 'NORMAL');
  });
});
