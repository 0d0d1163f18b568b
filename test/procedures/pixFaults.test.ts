import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';

import { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import pg from 'pg';

import { compareTables } from '../../deploy/lab/postgres/compareTables.ts';
import { advancePixSource } from '../../deploy/lab/pix/source/pixSource.ts';
import { pixSourceTables } from '../../deploy/lab/pix/source/sourceRows.ts';
import type { FullReplicationReport } from '../../workflows/pix/fullReplication.contract.ts';
import { failureOfRun } from '../support/failures.ts';
import { openPixBench, type PixBench } from '../support/pixBench.ts';
import { startStallingProxy, type StallingProxy } from '../support/stallingProxy.ts';
import { waitUntil } from '../support/waitUntil.ts';

/** The source is reached through a proxy that can stand still in the middle of a table. */
describe('the full replication in trouble', { concurrency: 1 }, () => {
  let bench: PixBench;
  let proxy: StallingProxy;
  before(async () => {
    bench = await openPixBench({ rows: 20_000 });
    proxy = await startStallingProxy(bench.source.port);
    await bench.setSecret('pix-source', bench.sourceUrl.replace(/:\d+\//, `:${proxy.port}/`));
    await bench.describeReplica('pix', { retries: { attemptsMax: 20, initialSeconds: 0.5 } });
    await bench.run('pixFullReplication', { replica: 'pix' });
  });
  beforeEach(() => advancePixSource({ url: bench.sourceUrl, rows: 200 }));
  after(async () => {
    proxy.release();
    await bench.end();
    await proxy.close();
  });

  const isEqual = async (): Promise<void> => {
    const compared = await compareTables({ source: bench.sourceUrl, target: bench.targetUrl, tables: [...pixSourceTables] });
    assert.deepEqual(
      compared.filter(({ equal }) => !equal),
      [],
    );
  };
  const nothingIsLeft = async (): Promise<void> => {
    assert.deepEqual(await bench.query(bench.targetUrl, "select nspname from pg_namespace where nspname = 'nightshift_next'"), []);
    await waitUntil('no session of ours is left on the source', async () => {
      const sessions = await bench.query(bench.sourceUrl, "select from pg_stat_activity where application_name like 'nightshift%'");
      return sessions.length === 0;
    });
  };
  /** Begins a run and waits until a table's copy stands still. */
  const stalledRun = async () => {
    proxy.stallAfter(300_000);
    const handle = await bench.start('pixFullReplication', { replica: 'pix' });
    await waitUntil('a copy stands still', proxy.stalled);
    return handle;
  };

  test('a worker that is killed in the middle of a table: another goes on under the same snapshot', async () => {
    const handle = await stalledRun();
    await bench.killWorker();
    proxy.release();
    await bench.startWorker();
    const report = (await handle.result()) as FullReplicationReport;
    assert.equal(report.snapshots, 1);
    await isEqual();
    await nothingIsLeft();
  });

  test('a source that is restarted in the middle of a table: the copy begins again under a new snapshot', async () => {
    const handle = await stalledRun();
    await bench.source.restart();
    proxy.release();
    const report = (await handle.result()) as FullReplicationReport;
    assert.equal(report.snapshots, 2);
    assert.match(report.warnings.join(), /begins again/);
    await isEqual();
    await nothingIsLeft();
  });

  test('a target that is restarted in the middle of a table: the table is copied again, nothing else', async () => {
    const handle = await stalledRun();
    await bench.target.restart();
    proxy.release();
    const report = (await handle.result()) as FullReplicationReport;
    assert.equal(report.snapshots, 1);
    await isEqual();
    await nothingIsLeft();
  });

  test('a cancel in the middle of a table: the sessions end, the former copy is in use, nothing is left', async () => {
    const users = async (): Promise<unknown> => bench.query(bench.targetUrl, 'select count(*), max(id) from users');
    const before_ = await users();
    const handle = await stalledRun();
    await handle.cancel();
    await assert.rejects(handle.result(), (error) => error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure);
    proxy.release();
    assert.deepEqual(await users(), before_);
    await nothingIsLeft();
  });

  test('two runs at once: one runs, the other is refused with its id', async () => {
    const handle = await stalledRun();
    const refused = await failureOfRun(bench.run('pixFullReplication', { replica: 'pix' }));
    assert.equal(refused.type, 'AlreadyRunning');
    assert.ok(refused.message.includes(handle.workflowId), refused.message);
    proxy.release();
    await handle.result();
  });

  test('a reader that asks all through two nights never meets an error or an empty table; no secret is in histories or logs', async () => {
    const client = new pg.Client({ connectionString: bench.targetUrl });
    await client.connect();
    let [asking, asked] = [true, 0];
    const reading = (async () => {
      while (asking) {
        const { rows } = await client.query<{ users: string; joined: string }>(
          `select (select count(*) from users) as users, (select count(*) from answers a join assessments b on b.id = a."assessmentId") as joined`,
        );
        assert.ok(Number(rows[0]?.users) > 0 && Number(rows[0]?.joined) > 0, JSON.stringify(rows[0]));
        asked += 1;
      }
    })();
    const handles = [];
    try {
      for (let night = 0; night < 2; night += 1) {
        const handle = await bench.start('pixFullReplication', { replica: 'pix' });
        await handle.result();
        handles.push(handle);
      }
    } finally {
      asking = false;
      await reading.finally(() => client.end());
    }
    assert.ok(asked > 20, `${asked} readings`);
    const histories = await Promise.all(handles.map(async (handle) => everyText((await handle.fetchHistory()).events)));
    assert.ok(
      histories.every((text) => text.includes('pix-source')),
      'payloads were not read',
    );
    for (const text of [...histories, await bench.workerLog()]) assert.ok(!text.includes('canary-'), 'a password is in a history or log');
  });
});

/** All strings and all bytes below a value, payloads included. */
function everyText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value).map(everyText).join('\n');
}
