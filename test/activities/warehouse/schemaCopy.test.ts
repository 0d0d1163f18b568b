import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { CancelledFailure } from '@temporalio/common';

import { createClientTools } from '../../../activities/postgres/clientTools.ts';
import { createConnections } from '../../../activities/postgres/connections.ts';
import { chooseEntries } from '../../../activities/warehouse/schemaCopy/schemaScript.ts';
import { createSchemaCopyActivities } from '../../../activities/warehouse/schemaCopy/schemaCopyActivities.ts';
import { fillPixSource } from '../../../deploy/lab/pix/source/pixSource.ts';
import { tool } from '../../../deploy/setup/tools.ts';
import { openBesideBench, type BesideBench } from '../../support/besideBench.ts';
import { errorOf } from '../../support/failures.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { beginActivity, runActivity } from '../../support/runActivity.ts';

const copy = { source: { name: 'warehouse', url: 'source' }, target: { name: 'schema copy', url: 'target' } };

test('of an archive, extensions that the target has, the schemas that hold them and comments on extensions are left out', () => {
  const list = [
    '; Archive created',
    '6; 2615 2200 SCHEMA - tools of_somebody',
    '7; 2615 2201 SCHEMA - bi warehouse_owner',
    '2; 3079 16386 EXTENSION - pgcrypto ',
    '3; 3079 16387 EXTENSION - unaccent ',
    '4100; 0 0 COMMENT - EXTENSION unaccent ',
    '215; 1259 16400 TABLE public EXTENSION warehouse_owner',
    '',
  ].join('\n');
  const chosen = chooseEntries(list, [{ name: 'pgcrypto', schema: 'tools' }]);
  assert.deepEqual(chosen.leftOut, ['SCHEMA - tools of_somebody', 'EXTENSION - pgcrypto', 'COMMENT - EXTENSION unaccent']);
  assert.equal(chosen.entries, 3);
  assert.ok(chosen.list.includes('EXTENSION - unaccent') && chosen.list.includes('TABLE public EXTENSION'));
});

describe('the copy of a schema into another database', { concurrency: 1 }, () => {
  let bench: BesideBench;
  let copies: ReturnType<typeof createSchemaCopyActivities>;
  let temporary: string;
  before(async () => {
    bench = await openBesideBench();
    // Of this process alone: other tests copy schemas too.
    temporary = await mkdtemp(join(tmpdir(), 'ns-copies-'));
    process.env['TMPDIR'] = temporary;
    await fillPixSource({ url: bench.urls.source, rows: 300 });
    const resolveSecret = async (name: string): Promise<string> => (name === 'source' ? bench.urls.source : bench.urls.target);
    copies = createSchemaCopyActivities({
      connections: createConnections(resolveSecret),
      tools: createClientTools(await tool('postgres')),
    });
  });
  after(async () => {
    await bench?.end();
    await rm(temporary, { recursive: true, force: true });
  });

  let runs = 0;
  const ownerOf = (run: string) => ({ replica: 'pix', run });
  const act = (run = `run-${(runs += 1)}`) => runActivity(() => copies.copySchema({ owner: ownerOf(run), copy }));
  const compare = () => runActivity(() => copies.compareSchemas({ copy }));
  const tablesOf = async (side: 'source' | 'target'): Promise<string[]> =>
    (
      await bench.sql<{ name: string }>(
        side,
        `select format('%s.%s', schemaname, tablename) as name from pg_tables where schemaname !~ '^(pg_|information_schema)' order by 1`,
      )
    ).map(({ name }) => name);
  const foldersLeft = (): Promise<string[]> => readdir(temporary);

  test('brings every table, view, type and function, no rows and nothing of our own', async () => {
    await bench.sql('source', 'create schema nightshift_previous; create table nightshift_previous.users (id int)');
    const copied = await act();
    assert.ok(copied.entries > 50, String(copied.entries));
    assert.deepEqual(copied.leftOut, []);
    assert.deepEqual(
      await tablesOf('target'),
      (await tablesOf('source')).filter((name) => !name.startsWith('nightshift')),
    );
    const [rows] = await bench.sql<{ n: string }>('target', 'select count(*) as n from users');
    assert.equal(Number(rows?.n), 0);
    const kinds = `select (select count(*) from pg_type where typtype = 'e') as enums, (select count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace where nspname = 'public') as routines,
      (select count(*) from pg_views where schemaname = 'public') as views, (select count(*) from pg_constraint where contype = 'f') as keys`;
    assert.deepEqual(await bench.sql('target', kinds), await bench.sql('source', kinds));
    assert.deepEqual(await foldersLeft(), []);
  });

  test('is played again over itself; tables that only the copy has stay and are told', async () => {
    await bench.sql('target', 'create table mine (note text)');
    await act();
    const compared = await compare();
    assert.deepEqual(compared.extra, ['public.mine']);
    assert.ok(compared.tables > 15);
  });

  test('an error stops it, and the target is as it was', async () => {
    await bench.sql('target', 'create schema theirs; create view theirs.people as select id from public.users');
    await bench.sql('source', 'create table brand_new (id int)');
    const error = await errorOf(act());
    assert.equal(error.type, 'PostgresFailed');
    assert.match(error.message, /theirs\.people/);
    assert.ok(!error.message.includes('canary'));
    assert.ok(!(await tablesOf('target')).includes('public.brand_new'));
    await bench.sql('target', 'drop schema theirs cascade');
    await act();
    assert.ok((await tablesOf('target')).includes('public.brand_new'));
  });

  test('the comparison names a table that is missing and one whose columns differ', async () => {
    await bench.sql('target', 'drop table brand_new; alter table users add column surprise int');
    const error = await errorOf(compare());
    assert.equal(error.type, 'ReplicaNotVerified');
    assert.match(error.message, /public\.brand_new: is missing/);
    assert.match(error.message, /public\.users: .*surprise/);
  });

  test('the warehouse itself and databases that must not be touched are refused as target', async () => {
    const inspect = (target: string, others: string[]) =>
      runActivity(() =>
        copies.inspectSchemaCopy({
          copy: { ...copy, target: { name: 'schema copy', url: target } },
          others: others.map((url) => ({ name: 'production', url })),
        }),
      );
    assert.deepEqual((await inspect('target', ['source'])).faults, []);
    assert.match((await inspect('source', [])).faults.join(), /same database/);
    assert.match((await inspect('target', ['target'])).faults.join(), /is the production/);
  });

  test('cancelled while a table is held, it leaves no session, no file and no change', async () => {
    const holder = await bench.connect('target');
    try {
      await holder.query('begin; lock table users in access share mode');
      const running = beginActivity(() => copies.copySchema({ owner: ownerOf('cancelled'), copy }));
      const sessions = () =>
        bench.sql('target', `select wait_event_type as waits from pg_stat_activity where application_name = 'nightshift schema copy'`);
      await waitUntil('it waits for the table', async () => (await sessions()).some(({ waits }) => waits === 'Lock'));
      running.cancel();
      await assert.rejects(running.result, CancelledFailure);
      await waitUntil('its session has ended', async () => (await sessions()).length === 0);
      assert.deepEqual(await foldersLeft(), []);
    } finally {
      await holder.end();
    }
  });
});
