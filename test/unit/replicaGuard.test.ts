import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { PixReplica } from '../../workflows/pix/replica.contract.ts';
import { pix } from '../../workflows/pix/system.schema.ts';
import type { Fault } from '../../workflows/runbook/definitions.schema.ts';

describe('guard and containers of a replica file', () => {
  const read = async (fields: object, changes: object = {}): Promise<{ replica: PixReplica | null; faults: Fault[] }> => {
    const document = { system: 'pix', source: { url: 's' }, target: { url: 't' }, ...fields };
    const { definition, faults } = await pix.read('pix', document, 'pix.yaml', changes);
    return { replica: definition as PixReplica | null, faults };
  };
  const app = { name: 'app', url: 'https://app.example/', limitMilliseconds: 500 };

  test('are absent by default', async () => {
    const { replica } = await read({});
    assert.deepEqual([replica?.guard, replica?.containers], [undefined, []]);
  });

  test('a guard watches by day in Paris and pauses, unless the file says otherwise', async () => {
    const { replica, faults } = await read({ guard: { responseTimes: [app] } });
    assert.deepEqual(faults, []);
    assert.deepEqual(replica?.guard?.hours, { begin: '08:00', end: '20:00', zone: 'Europe/Paris' });
    assert.deepEqual([replica?.guard?.breach, replica?.guard?.underWay, replica?.guard?.whenPauseEnds], ['pause', 'finish', 'stop']);
    assert.deepEqual(replica?.guard?.responseTimes, [{ ...app, inARow: 3, timeoutSeconds: 10 }]);
  });

  test('the form of a metric is told by its field', async () => {
    const cpu = (read_: object) => ({ name: 'cpu', url: 'metrics-url', limitPercent: 80, read: read_ });
    for (const [given, form] of [
      [{ series: 'cpu_percent' }, 'series'],
      [{ idleSeconds: 'node_cpu_seconds_total' }, 'idleSeconds'],
      [{ field: 'data.cpu', factor: 100 }, 'field'],
    ] as const)
      assert.equal((await read({ guard: { databaseCpu: [cpu(given)] } })).replica?.guard?.databaseCpu[0]?.read.form, form);
    const { faults } = await read({ guard: { databaseCpu: [cpu({ serie: 'x' })] } });
    assert.match(faults.map(({ path, message }) => `${path}: ${message}`).join(), /guard.databaseCpu.0.read: one of { series/);
  });

  test('one run may change the guard', async () => {
    const { replica } = await read({ guard: { responseTimes: [app] } }, { guard: { breach: 'tell' } });
    assert.deepEqual([replica?.guard?.breach, replica?.guard?.responseTimes.length], ['tell', 1]);
  });

  test('every fault is told: nothing to read, two of a name, a zone that is none, a pause that would lose the snapshot', async () => {
    const messages = async (guard: object): Promise<string> =>
      (await read({ guard })).faults.map(({ path, message }) => `${path}: ${message}`).join(' | ');
    assert.match(await messages({}), /guard: nothing is read/);
    const inPlace = await read({ full: { method: 'inPlace' }, guard: { breach: 'stop', responseTimes: [app] } });
    assert.match(
      inPlace.faults.map(({ path, message }) => `${path}: ${message}`).join(),
      /guard.breach: cannot be "stop" where full.method is "inPlace"/,
    );
    assert.match(await messages({ responseTimes: [app, app] }), /two readings are called "app"/);
    assert.match(await messages({ responseTimes: [app], hours: { zone: 'Mars/Base' } }), /guard.hours.zone: an IANA time zone/);
    assert.match(
      await messages({ responseTimes: [app], pauseMaxSeconds: 1800 }),
      /guard.pauseMaxSeconds: must be less than full.snapshotIdle/,
    );
    assert.match(await messages({ responseTimes: [{ ...app, url: 'ftp://x' }] }), /guard.responseTimes.0.url: an http/);
    const { faults } = await read({ containers: [{ app: '--all', region: 'osc-fr1', container: 'background', token: 't' }] });
    assert.equal(faults[0]?.path, 'containers.0.app');
  });
});
