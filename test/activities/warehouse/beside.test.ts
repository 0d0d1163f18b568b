import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { compareTables } from '../../../deploy/lab/postgres/compareTables.ts';
import { askPostgres } from '../../support/askPostgres.ts';
import { openBesideBench, type BesideBench } from '../../support/besideBench.ts';
import { failsWith } from '../../support/failures.ts';
import { waitUntil } from '../../support/waitUntil.ts';

const unusual = join(import.meta.dirname, 'unusual.sql');
describe('a copy beside the one in use', { concurrency: 1 }, () => {
  let bench: BesideBench;
  const tables = ['users', 'knowledge-elements', 'parted', 'parted_1', 'parted_2', '_under', 'empty_one'];
  const differences = async (): Promise<unknown[]> => (await compareTables({ ...bench.urls, tables })).filter(({ equal }) => !equal);
  before(async () => {
    bench = await openBesideBench();
    await bench.sql('source', await readFile(unusual, 'utf8'));
    // The warehouse has a kept table that uses a type of the source, readers with grants, and things of other people.
    await bench.sql(
      'target',
      `create type public.mood as enum ('a', 'b', 'c''d'); create table public.kept (id int primary key, m public.mood, "userId" int);
       insert into public.kept values (7, 'b', 1);
       create table public.mine (x int); create function public.mine() returns int language sql as 'select 1';
       alter default privileges in schema public grant select on tables to public`,
    );
  });
  after(() => bench?.end());

  test('moves every kind of object into the schema, with its data, keys, indexes and comments', async () => {
    const copy = bench.copy('run-1', { kept: ['kept'] });
    const { inspection, plan, check } = await bench.build(copy);
    assert.deepEqual(
      { ...inspection, tables: 0, source: 0, target: 0 },
      { ...inspection, tables: 0, source: 0, target: 0, faults: [], obstacles: [], sharedTypes: ['mood'], rebound: [] },
    );
    assert.equal(plan.foreignKeys.length, 1);
    assert.deepEqual(check.differences, []);
    assert.equal(
      (await bench.sql('target', "select from pg_tables where schemaname = 'public' and tablename = 'users'")).length,
      0,
      'readers saw it before the swap',
    );
    assert.equal(await bench.act('readSwap', { copy, act: 'swap' }), null);
    const swap = await bench.act('swapBeside', { copy, limitSeconds: 300 });
    assert.deepEqual(await bench.act('readSwap', { copy, act: 'swap' }), swap, 'a swap without an answer is not found');
    assert.deepEqual(await bench.act('swapBeside', { copy, limitSeconds: 300 }), swap, 'a second call swapped again');
    assert.deepEqual(await differences(), []);
    const describe_ = `select (select count(*) from pg_indexes where schemaname = 'public') as indexes,
      (select count(*) from pg_constraint where connamespace = 'public'::regnamespace and contype in ('p', 'u', 'f', 'c') and conrelid <> 'public.kept'::regclass) as constraints,
      (select count(*) from pg_proc where pronamespace = 'public'::regnamespace) as routines,
      (select count(*) from pg_trigger where not tgisinternal) as triggers, (select count(*) from pg_rules where schemaname = 'public') as rules,
      obj_description('public.users'::regclass) as comment, (select count(*) from pg_statistic_ext) as statistics,
      (select string_agg(distinct indisprimary::text, ',') from pg_index where indexrelid = 'public.users_pkey'::regclass) as primary,
      (select n from public.mv where m = 'a') as mv`;
    const [source, target] = await Promise.all([bench.sql('source', describe_), bench.sql('target', describe_)]);
    assert.deepEqual({ ...target[0], routines: 0 }, { ...source[0], routines: 0 });
    assert.equal(Number(target[0]?.routines), Number(source[0]?.routines) + 1, 'the function of other people');
    assert.deepEqual(await bench.sql('target', 'select * from public.kept'), [{ id: 7, m: 'b', userId: 1 }]);
    assert.equal((await bench.sql('target', `insert into public.users (email) values ('NEW') returning id, email`))[0]?.email, 'new');
    await bench.act('discardBeside', { copy });
  });

  test('replaces the copy, keeps grants, binds views of other people again, and undoes it', async () => {
    await bench.sql(
      'target',
      `create schema bi; create view bi.emails as select id, email from public.users; grant update (email) on public.users to public`,
    );
    await bench.sql(
      'source',
      `delete from public.users where id > 490 and id not in (select "userId" from public."knowledge-elements"); insert into public.users (email) values ('second day')`,
    );
    const swap = await bench.replicate(bench.copy('run-2', { kept: ['kept'] }));
    assert.deepEqual(swap.rebound, ['bi.emails']);
    assert.deepEqual(await differences(), []);
    const seen = async (): Promise<unknown> =>
      (await bench.sql('target', `select count(*)::int as n from bi.emails where email = 'second day'`))[0]?.n;
    assert.equal(await seen(), 1);
    const grants = await bench.sql(
      'target',
      `select has_table_privilege('public', 'public.users', 'select') as reads, has_column_privilege('public', 'public.users', 'email', 'update') as changes`,
    );
    assert.deepEqual(grants, [{ reads: true, changes: true }]);
    const undoing = bench.copy('undo-1', { kept: ['kept'] });
    const undone = await bench.act('undoSwap', { copy: undoing, limitSeconds: 300 });
    assert.deepEqual(await bench.act('readSwap', { copy: undoing, act: 'undo' }), undone);
    assert.equal(await bench.act('readSwap', { copy: undoing, act: 'swap' }), null);
    assert.equal(await seen(), 0);
    await bench.act('discardBeside', { copy: bench.copy('undo-1') });
  });

  test('gives way to readers until they end, and tells who they are when they do not', async () => {
    const copy = bench.copy('run-3', { kept: ['kept'] });
    await bench.build(copy);
    const reader = await bench.connect('target');
    await reader.query('begin');
    await reader.query('select count(*) from public.users');
    await assert.rejects(
      bench.act('swapBeside', { copy, limitSeconds: 1 }),
      failsWith('TargetBusy', 'warehouse_owner', 'idle in transaction'),
    );
    await reader.query('commit');
    // LOCK does not take materialized views; they give way all the same.
    await reader.query('begin');
    await reader.query('select count(*) from public.mv');
    await assert.rejects(
      bench.act('swapBeside', { copy, limitSeconds: 0 }),
      failsWith('TargetBusy', 'warehouse_owner', 'idle in transaction'),
    );
    // Nobody waits behind the swap for longer than its one try.
    assert.equal((await bench.sql('target', `select count(*)::int as n from public.users`)).length, 1);
    const swapping = bench.act('swapBeside', { copy, limitSeconds: 300 });
    await reader.query('select count(*) from public."knowledge-elements"');
    await reader.query('commit');
    assert.ok((await swapping).moved > 20);
    // A transaction that began before the swap sees rows, not an empty table: they were written frozen.
    await reader.end();
    await bench.act('discardBeside', { copy });
  });

  test('a reader of a materialized view is never ended for a deadlock, however long the server takes for one act of the swap', async () => {
    const copy = bench.copy('run-3b', { kept: ['kept'] });
    await bench.build(copy);
    const superuser = bench.servers.target.url({ database: 'warehouse' });
    // One act of the swap; with it a try takes longer than the second after which the server looks for deadlocks.
    await askPostgres(
      superuser,
      `create function slow() returns event_trigger language plpgsql as $$ begin perform pg_sleep(0.6); end $$;
       create event trigger slow on ddl_command_start when tag in ('ALTER OPERATOR') execute function slow()`,
    );
    const reader = await bench.connect('target');
    try {
      await reader.query('begin');
      await reader.query('select count(*) from public.mv');
      const swapping = bench.act('swapBeside', { copy, limitSeconds: 300 });
      await waitUntil('the swap holds a table, or waits for the view', async () => {
        const seen = await bench.sql(
          'target',
          `select from pg_locks l join pg_stat_activity a using (pid) where a.application_name like 'nightshift % swap' and l.mode = 'AccessExclusiveLock'
             and (l.relation = 'public."knowledge-elements"'::regclass or not l.granted)`,
        );
        return seen.length > 0;
      });
      await reader.query('select count(*) from public."knowledge-elements"');
      await reader.query('commit');
      assert.ok((await swapping).moved > 20);
    } finally {
      await reader.end();
      await askPostgres(superuser, 'drop event trigger slow; drop function slow()');
    }
    await bench.act('discardBeside', { copy });
  });

  test('refuses what it cannot replace without harm, naming it, before anything is touched', async () => {
    await bench.sql('target', 'create table public.mine_too (id int references public.users (id))');
    const { obstacles } = await bench.act('inspectBeside', { copy: bench.copy('run-4', { kept: ['kept'] }) });
    assert.deepEqual(obstacles.length, 1);
    assert.match(obstacles[0] ?? '', /mine_too.*users/);
    await bench.sql('target', 'drop table public.mine_too');
  });

  test('refuses an empty list of kept tables when an earlier run had one', async () => {
    const { faults } = await bench.act('inspectBeside', { copy: bench.copy('run-5') });
    assert.equal(faults.length, 1);
    assert.match(faults[0] ?? '', /kept kept/);
  });

  test('tells every fault at once: same database, missing rights, user postgres', async () => {
    const copy = bench.copy('run-6', { kept: ['kept'], target: { name: 'target', url: 'source' } });
    const same = await bench.act('inspectBeside', { copy });
    assert.ok(same.faults.some((fault) => fault.includes('are the same database')));
  });

  test('begins again under a new snapshot when the former was lost, and mixes nothing', async () => {
    const copy = bench.copy('run-7', { kept: ['kept'] });
    const snapshot = await bench.act('holdSnapshot', { copy, limitSeconds: 3600, idleSeconds: 600 });
    const plan = await bench.act('defineBeside', { copy, snapshot, sharedTypes: ['mood'] });
    const [item] = plan.copies;
    assert.ok(item);
    await bench.act('copyTables', { copy, snapshot, item });
    await bench.act('releaseSnapshot', { copy });
    await assert.rejects(
      bench.act('defineBeside', { copy: { ...copy, run: 'run-7b' }, snapshot, sharedTypes: ['mood'] }),
      failsWith('SnapshotLost', snapshot.id),
    );
    await bench.sql('source', `insert into public.users (email) values ('between the snapshots')`);
    await bench.replicate(copy);
    assert.deepEqual(await differences(), []);
  });

  test('nobody waits behind the dropping of a former copy, or of a given up one, that is still read', async () => {
    const copy = bench.copy('run-7c', { kept: ['kept'] });
    const reader = await bench.connect('target');
    const another = await bench.connect('target');
    await another.query(`set lock_timeout = '60s'`);
    const snapshot = await bench.act('holdSnapshot', { copy, limitSeconds: 3600, idleSeconds: 600 });
    const define = (limitSeconds: number) => bench.act('defineBeside', { copy, snapshot, sharedTypes: ['mood'], limitSeconds });
    const waits = (): Promise<void> =>
      waitUntil('the dropping waits for the reader', async () => {
        const waiting = await bench.sql(
          'target',
          `select from pg_stat_activity where application_name like 'nightshift%' and wait_event_type = 'Lock' and query like '%access exclusive%'`,
        );
        return waiting.length > 0;
      });
    await reader.query('begin; select from nightshift_previous.users limit 1');
    await assert.rejects(define(1), failsWith('TargetBusy', 'nightshift_previous', 'idle in transaction'));
    const defined = define(300);
    await waits();
    await another.query('select from nightshift_previous.users limit 1');
    await reader.query('commit');
    await defined;
    await reader.query('begin; select from nightshift_next.users limit 1');
    const discarded = bench.act('discardBeside', { copy });
    await waits();
    await another.query('select from nightshift_next.users limit 1');
    await reader.query('commit');
    await discarded;
    await Promise.all([reader.end(), another.end(), bench.act('releaseSnapshot', { copy })]);
    assert.deepEqual(await bench.sql('target', "select nspname from pg_namespace where nspname ~ '^nightshift_(next|previous)'"), []);
  });

  test('copies a table once: a second call of the same run finds the checkpoint', async () => {
    const copy = bench.copy('run-8', { kept: ['kept'] });
    const { plan, snapshot } = await bench.build(copy);
    const [item] = plan.copies;
    assert.ok(item);
    const before_ = await bench.sql('target', `select relfilenode from pg_class where oid = 'nightshift_next.users'::regclass`);
    const again = await bench.act('copyTables', { copy, snapshot, item });
    assert.ok(again.every(({ rows }) => rows >= 0) && again.some(({ rows }) => rows > 400));
    assert.deepEqual(await bench.sql('target', `select relfilenode from pg_class where oid = 'nightshift_next.users'::regclass`), before_);
    for (const each of plan.indexes) {
      const { done, skipped } = await bench.act('runStatements', { copy, item: each, memoryMegabytes: 64, workers: 0 });
      assert.equal(done, 0);
      assert.equal(skipped, each.statements.length);
    }
    await bench.act('releaseSnapshot', { copy });
    await bench.act('discardBeside', { copy });
    assert.deepEqual(await bench.sql('target', "select nspname from pg_namespace where nspname = 'nightshift_next'"), []);
  });
});
