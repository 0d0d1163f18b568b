import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';

import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import pg from 'pg';

import { freePort } from '../../../deploy/lab/freePort.ts';
import type { LoadSource, LoadVerdict, MetricReading } from '../../../activities/loadGuard/loadGuard.contract.ts';
import { createLoadGuardActivities } from '../../../activities/loadGuard/loadGuardActivities.ts';
import { createConnections } from '../../../activities/postgres/connections.ts';
import { startApplicationStandIn } from '../../../deploy/lab/pix/standIns/applicationStandIn.ts';
import { startMetricsStandIn } from '../../../deploy/lab/pix/standIns/metricsStandIn.ts';
import { withoutDurability } from '../../../deploy/lab/postgres/postgres.contract.ts';
import { startPostgres } from '../../../deploy/lab/postgres/startPostgres.ts';
import { beginActivity, runActivity } from '../../support/runActivity.ts';
import { waitUntil } from '../../support/waitUntil.ts';

describe('the load guard', { concurrency: 1 }, () => {
  let application: Awaited<ReturnType<typeof startApplicationStandIn>>;
  let metrics: Awaited<ReturnType<typeof startMetricsStandIn>>;
  const secrets: Record<string, string> = {};
  const resolveSecret = async (name: string): Promise<string> => secrets[name] ?? assert.fail(`no secret ${name}`);
  const guard = createLoadGuardActivities({ connections: createConnections(resolveSecret), resolveSecret });
  const watch = (source: LoadSource, more: Partial<Parameters<typeof guard.watchLoad>[0]> = {}): Promise<LoadVerdict> =>
    runActivity(() => guard.watchLoad({ ...quick, sources: [source], ...more }));
  const quick = { until: 'breached' as const, goodInARow: 2, everySeconds: 0.02, limitSeconds: 0, known: [] };
  const app = (limit = 60_000, timeoutSeconds = 30): LoadSource => ({
    ...{ kind: 'responseTime', name: 'app', url: `${application.url}/health`, limit, inARow: 2, timeoutSeconds },
  });
  const cpu = (read: MetricReading, path = '/metrics'): LoadSource => {
    secrets['metrics-url'] = `${metrics.url}${path}?key=canary-key`;
    return { kind: 'metric', name: 'cpu', limit: 80, inARow: 2, url: 'metrics-url', token: 'metrics-token', read, timeoutSeconds: 30 };
  };
  const readOnce = async (source: LoadSource) => (await watch(source)).readings[0] ?? assert.fail('no reading');

  before(async () => {
    application = await startApplicationStandIn();
    metrics = await startMetricsStandIn();
    secrets['metrics-token'] = 'Bearer canary-token';
  });
  afterEach(() => {
    application.set({});
    metrics.set({});
  });
  after(async () => {
    await application?.stop();
    await metrics?.stop();
  });

  test('an application that is slow, fails or hangs breaches; so often in a row is a verdict, with the numbers', async () => {
    const fast = await readOnce(app());
    assert.deepEqual([fast.breached, typeof fast.value], [false, 'number']);
    application.set({ responseMs: 30 });
    const before_ = application.requests.length;
    const slow = await watch(app(1), { limitSeconds: 60 });
    assert.equal(slow.verdict, 'breached');
    assert.match(slow.why, /^app \d+ ms \(limit 1\), 2 readings in a row$/);
    assert.equal(application.requests.length, before_ + 2);
    application.set({ status: 503 });
    assert.match((await readOnce(app())).said, /answered 503/);
    application.set({ status: 404 });
    assert.equal((await readOnce(app())).breached, false);
    application.set({ hangs: true });
    const hung = await readOnce(app(500, 0.1));
    assert.deepEqual([hung.breached, hung.value], [true, null]);
    assert.match(hung.said, /no whole answer within 0.1 s/);
    const gone = await readOnce({ ...app(), url: `http://127.0.0.1:${await freePort()}` } as LoadSource);
    assert.match(gone.said, /cannot be reached: ECONNREFUSED/);
  });

  test('it is good again after so many good rounds, and its time may be over before', async () => {
    const good = await watch(app(), { until: 'good', limitSeconds: 60 });
    assert.equal(good.verdict, 'good');
    assert.match(good.why, /2 readings in a row/);
    assert.equal((await watch(app())).verdict, 'limit');
  });

  test('processor use is read from a gauge, from counters of idle time and from a JSON answer', async () => {
    metrics.set({ busyPercent: 91, token: 'Bearer canary-token' });
    const readings: [MetricReading, string?][] = [
      [{ form: 'series', metric: 'cpu_percent', labels: { instance: 'db-1' }, factor: 1 }],
      [{ form: 'idleSeconds', metric: 'node_cpu_seconds_total', labels: {}, apartSeconds: 0.01 }],
      [{ form: 'field', field: 'data.result.0.value.1', factor: 100 }, '/api/v1/query'],
    ];
    for (const [read, path] of readings) {
      const reading = await readOnce(cpu(read, path));
      // Counters that moved before tell of their own time alone.
      assert.deepEqual([reading.value, reading.breached, reading.said], [91, true, 'cpu 91 % (limit 80)'], read.form);
    }
  });

  test('what cannot be read is neither a breach nor good: it is told once, without address and token', async () => {
    const series: MetricReading = { form: 'series', metric: 'cpu_percent', labels: {}, factor: 1 };
    assert.match((await readOnce(cpu(series))).said, /2 series are cpu_percent: name more labels/);
    assert.match((await readOnce(cpu({ ...series, metric: 'cpu_per' }))).said, /there is no cpu_per/);
    assert.match((await readOnce(cpu({ form: 'field', field: 'a.b', factor: 1 }))).said, /not JSON/);
    metrics.set({ token: 'Bearer another' });
    const blind = await watch(cpu(series), { limitSeconds: 60 });
    assert.equal(blind.verdict, 'unreadable');
    assert.match(blind.why, /cpu cannot be read: status 401, 2 readings in a row/);
    assert.ok(!JSON.stringify(blind).includes('canary'), 'a secret is told');
    const both = { sources: [cpu(series), app()], known: ['cpu'], until: 'good' as const, limitSeconds: 60 };
    assert.equal((await watch(app(), both)).verdict, 'good');
    secrets['metrics-url'] = 'ftp://somewhere';
    const refused: unknown = await runActivity(() =>
      guard.watchLoad({ ...quick, sources: [{ ...cpu(series), url: 'metrics-token' } as LoadSource] }),
    ).catch((error: unknown) => error);
    assert.ok(
      refused instanceof ApplicationFailure && refused.type === 'InvalidInput' && !refused.message.includes('canary'),
      String(refused),
    );
  });

  test('it ends at once when the run needs it no more, and its heartbeat tells the readings', async () => {
    const watching = beginActivity(() => guard.watchLoad({ ...quick, sources: [app()], everySeconds: 600, limitSeconds: 600 }));
    await waitUntil('a heartbeat tells the reading', () => JSON.stringify(watching.heartbeats).includes('app '));
    watching.cancel();
    await assert.rejects(watching.result, CancelledFailure);
  });

  test('busy backends of a real database are those at work; sessions that wait for a lock are none', async () => {
    const source: LoadSource = {
      ...{ kind: 'busyBackends', name: 'source database', limit: 0.5, inARow: 1, server: { name: 'source', url: 'database-url' } },
      ...{ cores: 1, samples: 3, apartSeconds: 0.05 },
    };
    const directory = await mkdtemp(join(tmpdir(), 'ns-load-'));
    await chmod(directory, 0o755);
    // A session that waits for a lock wakes after this time to look for a deadlock, and is busy then.
    const server = await startPostgres({
      directory: join(directory, 'server'),
      settings: { ...withoutDurability, deadlock_timeout: '1h' },
    });
    const clients: pg.Client[] = [];
    try {
      secrets['database-url'] = await server.createDatabase({ name: 'load', owner: 'load_owner', password: 'load' });
      const client = async (): Promise<pg.Client> => {
        const opened = new pg.Client({ connectionString: secrets['database-url'] });
        opened.on('error', () => undefined);
        await opened.connect();
        clients.push(opened);
        return opened;
      };
      assert.equal((await readOnce(source)).value, 0);
      const [holder, waiter] = [await client(), await client()];
      await holder.query('select pg_advisory_lock(1)');
      waiter.query('select pg_advisory_lock(1)').catch(() => undefined);
      const waiting = "select from pg_stat_activity where wait_event_type = 'Lock' and usename = current_user";
      await waitUntil('a session waits for a lock', async () => (await holder.query(waiting)).rowCount === 1);
      assert.equal((await readOnce(source)).value, 0);
      const worker = await client();
      worker.query('do $$ begin loop end loop; end $$').catch(() => undefined);
      const verdict = await watch(source, { limitSeconds: 60 });
      assert.equal(verdict.verdict, 'breached');
      assert.match(verdict.why, /busy backends per core, 0 of them of runs \(limit 0.5\)/);
    } finally {
      await endSessions(clients, secrets['database-url'] ?? '');
      await server.remove();
      await rm(directory, { recursive: true, force: true });
    }
    assert.match((await readOnce(source)).said, /cannot be read/);
  });
});

/** Ends sessions from the server's side: one of them is in the middle of a statement. */
async function endSessions(clients: pg.Client[], url: string): Promise<void> {
  if (url === '') return;
  const other = new pg.Client({ connectionString: url });
  await other.connect();
  await other.query('select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and usename = current_user');
  await other.end();
  await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
}
