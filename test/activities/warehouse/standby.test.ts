import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createCheckActivities } from '../../../activities/warehouse/checks/checkActivities.ts';
import { judgeCounts } from '../../../activities/warehouse/checks/countRows.ts';
import { createClientTools } from '../../../activities/postgres/clientTools.ts';
import { createConnections, type Connections } from '../../../activities/postgres/connections.ts';
import { toolOnSource } from '../../../activities/postgres/standby.ts';
import type { PostgresServer } from '../../../deploy/lab/postgres/postgres.contract.ts';
import { tool } from '../../../deploy/setup/tools.ts';
import { askPostgres } from '../../support/askPostgres.ts';
import { endings } from '../../support/endings.ts';
import { failsWith } from '../../support/failures.ts';
import { startFollower } from '../../support/follower.ts';
import { runActivity } from '../../support/runActivity.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { openIncrementalBench, type IncrementalBench } from './incrementalBench.ts';

test('on a standby, where nobody counts deletions, only rows that could be there twice are a fault', () => {
  const judge = (mode: 'incremental' | undefined, keyed: boolean) =>
    judgeCounts({ table: 't', sourceRows: 10, targetRows: 12 }, { deleted: null, keyed, mode })?.level;
  assert.deepEqual([judge(undefined, false), judge('incremental', true), judge('incremental', false)], ['note', 'note', 'fault']);
});

test('a tool that a standby ended is told as such, however long the server takes to end its session', async () => {
  let looks = 0;
  const client = {
    query: async (text: string) => {
      if (!text.includes('pg_stat_database_conflicts')) return { rows: looks < 8 ? [{}] : [] };
      looks += 1;
      return { rows: [{ count: looks < 8 ? '3' : '4', at: '2026-01-01' }] };
    },
  };
  const connections = {
    urlOf: async () => '',
    session: async (...[, , work]: Parameters<Connections['session']>) => work(client as never),
  };
  const run = toolOnSource(
    connections as Connections,
    { source: { name: 'source', url: '' }, application: '', signal: new AbortController().signal },
    () => Promise.reject(new Error('psql ended with 2')),
  );
  await assert.rejects(run, failsWith('PostgresBusy', 'psql ended with 2', 'hot_standby_feedback'));
});

/** Production is read from a follower: source.url leads to a streaming hot standby, and to its promoted self at the end. */
describe('a standby as source', { concurrency: 1 }, () => {
  let bench: IncrementalBench;
  let standby: PostgresServer;
  const { atEnd, end } = endings();
  before(async () => {
    bench = await openIncrementalBench();
    atEnd(bench.end);
    await bench.sql(
      'source',
      `create table plain (id bigint primary key, note text); insert into plain select i, 'n' || i from generate_series(1, 200) i;
       create table churn as select i as id from generate_series(1, 1000) i; create unlogged table scratch (id int)`,
    );
    await bench.sql(
      'target',
      `create table plain (id bigint primary key, note text); insert into plain select i, 'n' || i from generate_series(1, 100) i`,
    );
    primaryUrl = bench.urls.source;
    standby = await startFollower(bench.beside.servers.source, 'production');
    atEnd(() => standby.remove());
    bench.urls.source = ofStandby('production');
  });
  after(() => end());

  let primaryUrl: string;
  const ofStandby = (database: string): string => {
    const url = new URL(primaryUrl);
    url.port = String(standby.port);
    url.pathname = `/${database}`;
    return url.href;
  };
  const onPrimary = (sql: string): Promise<object[]> => askPostgres(primaryUrl, sql);
  const replayed = async (): Promise<void> => {
    const [now] = await askPostgres<{ at: string }>(primaryUrl, 'select pg_current_wal_lsn()::text as at');
    await waitUntil('the standby shows what was done', async () => {
      const [seen] = await askPostgres<{ there: boolean }>(standby.url(), 'select pg_last_wal_replay_lsn() >= $1::pg_lsn as there', [
        now?.at,
      ]);
      return seen?.there === true;
    });
  };
  const copyPlain = () => bench.act('copyIncremental', { copy: bench.copy({ plain: {} }), table: 'plain' });

  test('is refused where it has no rows, and where the target is its own primary; what may end the copy is told with the remedy', async () => {
    const { beside } = bench;
    const seen = await beside.act('inspectBeside', { copy: beside.copy('look', { kept: ['plain'] }) });
    assert.match(seen.faults.join(), /scratch is unlogged.*mode "none".*source\.url/);
    assert.match(seen.warnings.join(), /hot_standby_feedback = on/);
    const spared = await beside.act('inspectBeside', { copy: beside.copy('look', { kept: ['scratch'] }) });
    assert.deepEqual(spared.faults, []);
    const { faults } = await bench.act('inspectIncremental', { copy: bench.copy({ scratch: {} }) });
    assert.match(faults.join(), /table scratch: is unlogged.*source\.url/);
    bench.urls.source = ofStandby('warehouse').replace(/\/\/[^@]*@/, `//${bench.urls.target.split('//')[1]?.split('@')[0] ?? ''}@`);
    try {
      const own = await beside.act('inspectBeside', { copy: beside.copy('look') });
      assert.match(own.faults.join(), /standby of the server that the target is on.*target\.url/);
      const incremental = await bench.act('inspectIncremental', { copy: bench.copy({ plain: {} }) });
      assert.match(incremental.faults.join(), /standby of the server that the target is on/);
    } finally {
      bench.urls.source = ofStandby('production');
    }
  });

  test('a snapshot that a conflict with recovery ended is lost, and the failure says why', async () => {
    const { beside } = bench;
    const copy = beside.copy('conflict', { kept: ['scratch'] });
    const snapshot = await beside.act('holdSnapshot', { copy, limitSeconds: 3600, idleSeconds: 600 });
    await beside.act('defineBeside', { copy, snapshot, sharedTypes: [] });
    await onPrimary('delete from churn');
    await onPrimary('vacuum churn');
    await waitUntil('the standby ended the snapshot', async () => {
      const kept = await askPostgres(
        standby.url(),
        "select from pg_stat_activity where application_name like 'nightshift-keeper%' and state like 'idle in%'",
      );
      return kept.length === 0;
    });
    await assert.rejects(
      beside.act('setSequences', { copy, snapshot }),
      failsWith('SnapshotLost', 'is gone with its session', 'the source is a standby', 'hot_standby_feedback'),
    );
    await beside.act('discardBeside', { copy });
  });

  test('a client tool that the standby ended for a lock that it replays fails as busy: the next try may pass', async () => {
    await onPrimary('insert into churn values (1)');
    await replayed();
    const tools = createClientTools(await tool('postgres'));
    const source = { name: 'source', url: 'source' };
    const signal = new AbortController().signal;
    const run = toolOnSource(
      createConnections(async () => bench.urls.source),
      { source, application: 'held', signal },
      () => tools.run('psql', ['--command=select pg_sleep(600) from churn'], { url: bench.urls.source, application: 'held' }),
    );
    const told = assert.rejects(run, failsWith('PostgresBusy', 'psql ended with', 'hot_standby_feedback'));
    await waitUntil('the tool reads', async () => {
      const reading = await askPostgres(
        standby.url(),
        "select from pg_stat_activity where application_name = 'held' and wait_event = 'PgSleep'",
      );
      return reading.length > 0;
    });
    await onPrimary('begin; lock table churn in access exclusive mode; commit');
    await told;
  });

  test('rows that commit late on production are fetched from the standby too, and one that lags behind the last run is not believed', async () => {
    assert.equal((await copyPlain()).rows, 100);
    const late = await bench.connect('source').then(async (open) => {
      await open.end();
      bench.urls.source = primaryUrl;
      return bench.connect('source');
    });
    bench.urls.source = ofStandby('production');
    await late.query(`begin; insert into plain values (201, 'late')`);
    await onPrimary(`insert into plain select i, 'overtakes' from generate_series(202, 210) i`);
    await replayed();
    const first = await copyPlain();
    assert.deepEqual([first.rows, first.lateRows, first.comparedBy], [9, 0, 'transactions']);
    await late.query('commit');
    await late.end();
    await replayed();
    const second = await copyPlain();
    assert.deepEqual([second.rows, second.lateRows, second.comparedBy], [0, 1, 'transactions']);
    assert.ok(await bench.equal('plain'));
    await bench.sql('target', `update nightshift.incremental_table set horizon = (horizon::numeric + 1000000)::text`);
    await assert.rejects(copyPlain(), failsWith('PostgresBusy', 'has not yet replayed', 'lags'));
    await bench.sql('target', `update nightshift.incremental_table set horizon = (horizon::numeric - 1000000)::text`);
  });

  test('rows that production deleted are a note of the verification', async () => {
    const checks = createCheckActivities({
      connections: createConnections(async (name) => bench.urls[name === 'source' ? 'source' : 'target']),
    });
    await onPrimary('delete from plain where id = 1');
    await replayed();
    const sides = { ...bench.copy({}), tables: { plain: 'incremental' as const, scratch: 'none' as const } };
    const seen = await runActivity(() => checks.inspectReplica({ sides: { ...sides, tables: {} } }));
    assert.ok(seen.findings.some(({ subject, what }) => subject === 'scratch' && what.includes('a standby does not have its rows')));
    const { findings } = await runActivity(() => checks.countRows({ sides, tables: ['plain'] }));
    assert.match(`${findings[0]?.level} ${findings[0]?.what}`, /^note .*1 more.*a standby does not tell/);
    await onPrimary(`insert into plain values (1, 'n1')`);
    await replayed();
  });

  test('after a failover that lost rows, keys that the new production gave to other rows are found by comparing whole rows', async () => {
    await askPostgres(standby.url(), `alter system set primary_conninfo = ''`);
    await askPostgres(standby.url(), 'select pg_reload_conf()');
    await waitUntil(
      'nothing comes from the primary any more',
      async () =>
        (
          await askPostgres(
            standby.url(),
            `select where current_setting('primary_conninfo') <> '' union all select from pg_stat_wal_receiver`,
          )
        ).length === 0,
    );
    bench.urls.source = primaryUrl;
    await onPrimary(`insert into plain select i, 'lost' from generate_series(211, 215) i`);
    assert.equal((await copyPlain()).rows, 5);
    await askPostgres(standby.url(), 'select pg_promote(wait_seconds => 600)');
    bench.urls.source = ofStandby('production');
    await bench.sql(
      'source',
      `insert into plain select i, 'new history' from generate_series(211, 213) i; insert into plain values (216, 'new history')`,
    );
    const report = await copyPlain();
    assert.deepEqual([report.comparedBy, report.updates, report.rows, report.counts.target - report.counts.source], ['ranges', 3, 1, 2]);
    await bench.sql('target', `delete from plain where note = 'lost'`);
    assert.ok(await bench.equal('plain'));
    assert.equal((await copyPlain()).comparedBy, 'transactions');
  });
});
