import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { waitForPort } from '../../deploy/lab/machines/waitForListener.ts';
import type { StandInConfiguration, StandInKnobs } from '../../deploy/lab/vitam/standIns/standIn.contract.ts';
import { waitUntil } from '../support/waitUntil.ts';
import { labDirectory } from './labDirectory.ts';

const program = fileURLToPath(new URL('../../deploy/lab/vitam/standIns/vitamComponentStandIn.ts', import.meta.url));
/** Of this process alone: nobody else takes its ports. */
const address = `127.${100 + (process.pid % 100)}.${(process.pid >> 8) % 256}.${1 + (process.pid % 250)}`;
let lastPort = 20_000;

interface Envelope<Row> {
  httpCode: number;
  $hits: { total: number };
  $results: Row[];
}

/** One stand-in that runs until the test file ends. */
async function openStandIn(component: string, { peers = {}, operations = [] }: Partial<StandInConfiguration> = {}) {
  const directory = place.directory;
  const [servicePort, adminPort] = [(lastPort += 1), (lastPort += 1)];
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
  let said = '';
  const start = async (): Promise<void> => {
    child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.stdout?.on('data', (words: Buffer) => (said += words.toString()));
    started.push(child);
    await waitForPort({ address, port: adminPort, limitMs: 180_000, what: component });
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
    said: () => said,
    setKnobs: (knobs: StandInKnobs) => writeFileSync(knobsFile, JSON.stringify(knobs)),
    async stop() {
      const exit = once(child, 'exit') as Promise<[number | null]>;
      child.kill('SIGTERM');
      return (await exit)[0];
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
    assert.equal(await component.stop(), 143);
  });

  test('ignores TERM when told to', async () => {
    const component = await openStandIn('storage');
    component.setKnobs({ refuseStop: true, stopSeconds: 0 });
    started.at(-1)?.kill('SIGTERM');
    await waitUntil('it says that it ignores the signal', () => component.said().includes('TERM ignored'));
    assert.equal((await component.ask('GET', '/admin/v1/status')).status, 200);
    component.setKnobs({ exitStatus: 5, stopSeconds: 0 });
    assert.equal(await component.stop(), 5);
  });
});

describe('the stand-in of processing', () => {
  test('lists the workflows of a tenant by state, completes them, keeps them over a restart', async () => {
    const processing = await openStandIn('processing', { operations: [{ tenant: 0 }] });
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

    assert.equal((await active(0)).$hits.total, 1);
    await processing.ask('POST', '/lab/operations', { body: { tenant: 2, seconds: 0.2 } });
    await waitUntil('the one of 0.2 s is over', async () => (await active(2)).$hits.total === 0);
    await processing.ask('DELETE', `/processing/v1/operations/${id}`, { tenant: 0 });
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
    logbook.setKnobs({ securisationSeconds: 0.1, lifecycleSeconds: 3600 });
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

    const begin = () => logbook.ask<Envelope<string>>('POST', '/logbook/v1/lifecycles/units/traceability', { tenant: 0 });
    let begun = await begin();
    assert.equal(begun.status, 200);
    assert.equal((await logbook.ask('POST', '/logbook/v1/lifecycles/objectgroups/traceability', { tenant: 2 })).status, 202);
    const check = async () =>
      (await logbook.ask('GET', `/logbook/v1/lifecycles/traceability/check/${begun.body.$results[0]}`, { tenant: 0 })).body.$results[0];
    assert.deepEqual(await check(), { completed: false, paused: false, outcome: 'STARTED', maxEntriesReached: false });
    logbook.setKnobs({ securisationSeconds: 0.1, lifecycleSeconds: 0 });
    begun = await begin();
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
