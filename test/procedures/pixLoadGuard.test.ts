import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import pg from 'pg';

import { startApplicationStandIn } from '../../deploy/lab/pix/standIns/applicationStandIn.ts';
import { compareTables } from '../../deploy/lab/postgres/compareTables.ts';
import { advancePixSource } from '../../deploy/lab/pix/source/pixSource.ts';
import type { IncrementalReplicationReport } from '../../workflows/pix/incrementalReplication.contract.ts';
import { openPixBench, type PixBench } from '../support/pixBench.ts';
import { waitUntil } from '../support/waitUntil.ts';

const names = ['answers', 'knowledge-elements'];

describe('the load guard over real PostgreSQL servers and a real application', { concurrency: 1 }, () => {
  let bench: PixBench;
  let application: Awaited<ReturnType<typeof startApplicationStandIn>>;
  before(async () => {
    application = await startApplicationStandIn();
    bench = await openPixBench({ rows: 2_000 });
    await bench.describeReplica('pix', {
      tables: Object.fromEntries(names.map((name) => [name, 'incremental'])),
      incremental: { chunkRows: 50 },
      guard: {
        ...{ hours: { begin: '00:00', end: '00:00', zone: 'UTC' }, everySeconds: 0.1, goodInARow: 2 },
        responseTimes: [{ name: 'the application', url: application.url, limitMilliseconds: 60_000, timeoutSeconds: 60, inARow: 2 }],
      },
    });
    await bench.run('pixPrepareIncremental', { replica: 'pix' });
  });
  after(async () => {
    await bench?.end();
    await application?.stop();
  });

  /** Sessions of runs on both servers. */
  const sessions = async (): Promise<number> => {
    const ours = `select pid from pg_stat_activity where application_name like 'nightshift %' and backend_type = 'client backend'`;
    return (await bench.query(bench.sourceUrl, ours)).length + (await bench.query(bench.targetUrl, ours)).length;
  };
  /** Runs `work` while somebody else holds a table of the warehouse, so that its copy is under way for as long. */
  const whileHeld = async (table: string, work: (letGo: () => Promise<unknown>) => Promise<void>): Promise<void> => {
    const other = new pg.Client({ connectionString: bench.targetUrl });
    await other.connect();
    try {
      await other.query(`begin; lock table ${table} in share mode`);
      await work(() => other.query('rollback'));
    } finally {
      await other.end();
    }
  };

  test('while the application suffers the copy has no session on either server; then it goes on, and nothing is missing', async () => {
    await advancePixSource({ url: bench.sourceUrl, rows: 500 });
    await whileHeld('answers', async (letGo) => {
      const handle = await bench.start('pixIncrementalReplication', { replica: 'pix' });
      await bench.until(handle, 'answers is under way', ({ steps }) =>
        steps.some(({ id, state }) => id === 'copy/answers' && state === 'running'),
      );
      application.set({ status: 503 });
      await bench.until(handle, 'the run is paused', ({ state }) => state === 'paused');
      await bench.until(handle, 'answers waits', ({ steps }) =>
        steps.some(({ id, state }) => id === 'copy/answers' && state === 'waiting'),
      );
      await waitUntil('no session of a run is left', async () => (await sessions()) === 0);
      await letGo();
      application.set({});
      const report = (await handle.result()) as IncrementalReplicationReport;
      assert.deepEqual(
        report.decisions.map(({ choice, by }) => [choice, by]),
        [
          ['pause', 'the load guard'],
          ['resume', 'the load guard'],
        ],
      );
      assert.match(report.decisions[0]?.why ?? '', /the application answered 503/);
      assert.deepEqual(
        report.tables.map(({ difference }) => difference),
        [0, 0],
      );
    });
    const compared = await compareTables({ source: bench.sourceUrl, target: bench.targetUrl, tables: names });
    assert.ok(compared.every(({ equal }) => equal));
  });

  test('a breach that stops the run leaves no session and says why; the next run brings the rest', async () => {
    await advancePixSource({ url: bench.sourceUrl, rows: 500 });
    await whileHeld('answers', async () => {
      const handle = await bench.start('pixIncrementalReplication', { replica: 'pix', guard: { breach: 'stop' } });
      await bench.until(handle, 'answers is under way', ({ steps }) =>
        steps.some(({ id, state }) => id === 'copy/answers' && state === 'running'),
      );
      application.set({ status: 503 });
      const error: unknown = await handle.result().catch((each: unknown) => each);
      application.set({});
      assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure, String(error));
      assert.equal(error.cause.type, 'LoadTooHigh');
      await waitUntil('no session of a run is left', async () => (await sessions()) === 0);
    });
    await bench.run('pixIncrementalReplication', { replica: 'pix' });
    const compared = await compareTables({ source: bench.sourceUrl, target: bench.targetUrl, tables: names });
    assert.ok(compared.every(({ equal }) => equal));
  });
});
