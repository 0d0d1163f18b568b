import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import pg from 'pg';

import { compareTables } from '../../deploy/lab/postgres/compareTables.ts';
import type { InPlaceReplicationReport } from '../../workflows/pix/fullReplication.contract.ts';
import type { PlanReport } from '../../workflows/runbook/runbook.contract.ts';
import { openPixBench, type PixBench } from '../support/pixBench.ts';
import { waitUntil } from '../support/waitUntil.ts';

const latch = 4711;

describe('the full replication in place, between real PostgreSQL servers', { concurrency: 1 }, () => {
  let bench: PixBench;
  let replica: string;
  before(async () => {
    bench = await openPixBench({ rows: 3_000 });
    replica = await bench.describeReplica('place', { foreignKeys: true, full: { method: 'inPlace' } });
    // A dump stands still while somebody drops a sequence.
    await bench.query(bench.sourceUrl, 'create sequence held_seq');
    // A restore stands still at its first index for as long as somebody holds the latch.
    const superuser = bench.target.url({ database: 'warehouse' });
    await bench.query(
      superuser,
      `create schema latch; create function latch.wait() returns event_trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(${latch}); end $$;
       grant usage on schema latch to public`,
    );
    await bench.query(
      superuser,
      `create event trigger latch on ddl_command_start when tag in ('CREATE INDEX') execute function latch.wait()`,
    );
  });
  after(() => bench.end());

  /** Holds the statement's lock until `release` is called. */
  const held = async (url: string, sql: string): Promise<() => Promise<void>> => {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    await client.query('begin');
    await client.query(sql);
    return () => client.end();
  };
  /** Process id of the tool's session that waits for a lock, once there is one. */
  const waiting = async (url: string, what: string): Promise<number> => {
    let pid: number | undefined;
    await waitUntil(`a ${what} waits`, async () => {
      const sql = `select pid from pg_stat_activity where application_name like 'nightshift % ${what}' and wait_event_type = 'Lock' order by pid limit 1`;
      pid = (await bench.query<{ pid: number }>(url, sql))[0]?.pid;
      return pid !== undefined;
    });
    return pid ?? 0;
  };
  const latched = (): Promise<() => Promise<void>> => held(bench.targetUrl, `select pg_advisory_lock(${latch})`);
  const differences = async (tables: string[]): Promise<unknown[]> =>
    (await compareTables({ source: bench.sourceUrl, target: bench.targetUrl, tables })).filter(({ equal }) => !equal);
  const failureOf = async (result: Promise<unknown>): Promise<ApplicationFailure> => {
    const error: unknown = await result.then(
      () => assert.fail('the run succeeded'),
      (each: unknown) => each,
    );
    assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure, String(error));
    return error.cause;
  };
  const filesLeft = (): Promise<string[]> => readdir(bench.workDirectory).catch(() => []);

  test('a worker killed in the dump and again in the restore goes on; the source is dumped once', async () => {
    const plan = await bench.run<PlanReport>('pixFullReplication', { replica, dryRun: true });
    assert.equal(plan.facts?.method, 'inPlace');
    assert.deepEqual(plan.faults, []);
    const releaseSource = await held(bench.sourceUrl, 'drop sequence held_seq');
    const releaseTarget = await latched();
    const handle = await bench.start('pixFullReplication', { replica });
    const before = await waiting(bench.sourceUrl, 'dump');
    await bench.killWorker();
    await bench.startWorker();
    assert.equal(await waiting(bench.sourceUrl, 'dump'), before, 'another dump was begun');
    await releaseSource();
    const restoring = await waiting(bench.targetUrl, 'restore');
    await bench.killWorker();
    await bench.startWorker();
    assert.equal(await waiting(bench.targetUrl, 'restore'), restoring, 'another restore was begun');
    await releaseTarget();
    const report = (await handle.result()) as InPlaceReplicationReport;
    assert.equal(report.method, 'inPlace');
    assert.ok(report.check.constraints > 0);
    assert.deepEqual(await differences(report.check.tables.map(({ table }) => table)), []);
    const [views] = await bench.query<{ n: string }>(bench.targetUrl, 'select count(*) as n from "schooling-registrations"');
    assert.ok(Number(views?.n) > 0);
    assert.deepEqual(await filesLeft(), []);
    assert.doesNotMatch(await bench.workerLog(), /canary/);
  });

  test('cancelled in the dump nothing is changed; cancelled in the restore it says that the warehouse is half full, and the command it names goes on', async () => {
    const releaseSource = await held(bench.sourceUrl, 'drop sequence held_seq');
    const early = await bench.start('pixFullReplication', { replica });
    await waiting(bench.sourceUrl, 'dump');
    await early.cancel();
    await assert.rejects(
      early.result(),
      (error: unknown) => error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure,
    );
    await releaseSource();
    assert.deepEqual(await filesLeft(), []);
    assert.ok((await bench.query(bench.targetUrl, 'select from users limit 1')).length > 0);

    const releaseTarget = await latched();
    const handle = await bench.start('pixFullReplication', { replica });
    await waiting(bench.targetUrl, 'restore');
    await handle.cancel();
    const failed = await failureOf(handle.result());
    assert.equal(failed.type, 'PlatformNotRestored');
    assert.match(failed.message, /empty or half full since/);
    assert.doesNotMatch(failed.message, /former copy/);
    const [, dump = ''] = /the dump stays on the worker \(([^)]+)\)/.exec(failed.message) ?? [];
    assert.ok(existsSync(dump), failed.message);
    const [, input = ''] = /--type pixFullReplication .*--input '([^']+)'/.exec(failed.message) ?? [];
    await releaseTarget();
    const report = await bench.run<InPlaceReplicationReport>('pixFullReplication', JSON.parse(input) as Record<string, unknown>);
    assert.equal(report.steps.find(({ id }) => id === 'dump')?.state, 'notNeeded');
    assert.deepEqual(await differences(report.check.tables.map(({ table }) => table)), []);
    assert.deepEqual(await filesLeft(), []);
    const refused = await failureOf(bench.run('pixUndoReplication', { replica }));
    assert.equal(refused.type, 'NothingToUndo');
    assert.match(refused.message, /in place/);
  });
});
