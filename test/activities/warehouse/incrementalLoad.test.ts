import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { failsWith } from '../../support/failures.ts';
import { openIncrementalBench, type IncrementalBench } from './incrementalBench.ts';

describe('a table loaded whole', { concurrency: 1 }, () => {
  let bench: IncrementalBench;
  const options = { swapLimitSeconds: 300, indexMemoryMegabytes: 64 };
  const indexes = async (table: string): Promise<string[]> =>
    (
      await bench.sql<{ name: string }>(
        'target',
        'select indexname as name from pg_indexes where schemaname = $1 and tablename = $2 order by 1',
        ['public', table],
      )
    ).map(({ name }) => name);
  before(async () => {
    bench = await openIncrementalBench();
    await bench.sql(
      'source',
      `create type mood as enum ('a', 'b'); create domain short as varchar(9); create table people (id int primary key);
       create table "ke-s" (id bigserial primary key, m mood default 'b', s short, "userId" int references people (id), n int check (n > 0));
       create index "ke-s_n" on "ke-s" (n); comment on table "ke-s" is 'kept'; insert into people values (1);
       insert into "ke-s" (s, "userId", n) select 'x', 1, i from generate_series(1, 1000) i;
       create function f() returns trigger language plpgsql as 'begin return new; end'; create trigger t before insert on "ke-s" for each row execute function f()`,
    );
    await bench.sql('target', 'alter default privileges in schema public grant select on tables to public');
  });
  after(() => bench?.end());

  test('comes with its types, keys, indexes and grants, without foreign keys and triggers, and is carried on from there', async () => {
    const copy = bench.copy({ 'ke-s': { extraIndexes: [{ name: 'extra', on: '(n desc)' }] } });
    const loaded = await bench.act('loadIncremental', { copy, table: 'ke-s', ...options });
    assert.deepEqual([loaded.rows, loaded.chunks, loaded.indexes, loaded.counts], [1000, 10, 3, { source: 1000, target: 1000 }]);
    assert.ok(await bench.equal('ke-s'));
    assert.deepEqual(await indexes('ke-s'), ['extra', 'ke-s_n', 'ke-s_pkey']);
    const facts = await bench.sql(
      'target',
      `select obj_description('"ke-s"'::regclass) as comment, has_table_privilege('public', '"ke-s"', 'select') as reads, (select count(*)::int from pg_constraint where conrelid = '"ke-s"'::regclass and contype in ('c', 'f')) as constraints,
         (select count(*)::int from pg_trigger where tgrelid = '"ke-s"'::regclass) as triggers, to_regclass('nightshift_load."ke-s"') as load`,
    );
    assert.deepEqual(facts, [{ comment: 'kept', reads: true, constraints: 1, triggers: 0, load: null }]);
    await bench.sql('source', `insert into "ke-s" (s, "userId", n) values ('y', 1, 2)`);
    const next = await bench.act('copyIncremental', { copy: bench.copy({ 'ke-s': {} }), table: 'ke-s' });
    assert.deepEqual([next.rows, next.comparedBy], [1, 'transactions']);
  });

  test('replaces the one in use with the new columns; the warehouse’s own indexes, grants and views stay', async () => {
    await bench.sql(
      'target',
      `create schema bi; create view bi.ns as select id, n from "ke-s"; create index own on "ke-s" (s); create index of_gone on "ke-s" (m); grant insert on "ke-s" to public`,
    );
    await bench.sql('source', `alter table "ke-s" add extra text default 'e', drop m; delete from "ke-s" where id = 5`);
    const copy = bench.copy({ 'ke-s': {} });
    const loaded = await bench.act('loadIncremental', { copy, table: 'ke-s', ...options });
    assert.deepEqual(loaded.rebound, ['bi.ns']);
    assert.ok(await bench.equal('ke-s'));
    assert.deepEqual(await indexes('ke-s'), ['extra', 'ke-s_n', 'ke-s_pkey', 'own']);
    assert.deepEqual(
      await bench.sql('target', `select count(*)::int as n, has_table_privilege('public', '"ke-s"', 'insert') as writes from bi.ns`),
      [{ n: 1000, writes: true }],
    );
    await bench.act('discardIncrementalLoad', { copy });
    assert.deepEqual(
      await bench.sql('target', `select nspname from pg_namespace where nspname in ('nightshift_load', 'nightshift_retired')`),
      [],
    );
  });

  test('materialized views and routines over the table follow it', async () => {
    await bench.sql(
      'target',
      `create materialized view "by-n" as select n, count(*) as c from "ke-s" group by n; create unique index "by-n_n" on "by-n" (n); create view bi.over as select sum(c) as c from "by-n";
       create function counted() returns bigint language sql begin atomic select count(*) from "ke-s"; end`,
    );
    await bench.sql('source', `insert into "ke-s" (s, "userId", n) values ('w', 1, 1)`);
    const copy = bench.copy({ 'ke-s': {} });
    const loaded = await bench.act('loadIncremental', { copy, table: 'ke-s', ...options });
    assert.deepEqual(loaded.rebound.sort(), ['bi.ns', 'bi.over', 'by-n', 'public.counted()']);
    assert.deepEqual(await bench.sql('target', 'select counted()::int, c::int from bi.over'), [{ counted: 1001, c: 1001 }]);
    await bench.sql(
      'target',
      'refresh materialized view concurrently "by-n"; drop materialized view "by-n" cascade; drop function counted()',
    );
    await bench.sql('source', `delete from "ke-s" where s = 'w'`);
    await bench.act('loadIncremental', { copy: bench.copy({ 'ke-s': {} }), table: 'ke-s', ...options });
  });

  test('refuses a table that others refer to before anything is loaded', async () => {
    await bench.sql('target', 'create table mine (id bigint references "ke-s" (id))');
    const copy = bench.copy({ 'ke-s': {} });
    await assert.rejects(bench.act('loadIncremental', { copy, table: 'ke-s', ...options }), failsWith('BesideNotPossible', /mine/));
    await bench.sql('target', 'drop table mine');
  });

  test('gives way to a reader, and the next attempt goes on after what was loaded', async () => {
    const copy = bench.copy({ 'ke-s': {} });
    const reader = await bench.connect('target');
    await reader.query('begin; select count(*) from "ke-s"');
    await assert.rejects(
      bench.act('loadIncremental', { copy, table: 'ke-s', ...options, swapLimitSeconds: 0.1 }),
      failsWith('TargetBusy', /warehouse_owner.*idle in transaction/),
    );
    await reader.end();
    // What stands is compared and carried on, deletes of the source between the attempts included.
    await bench.sql('source', `delete from "ke-s" where id = 77; insert into "ke-s" (s, "userId", n) values ('z', 1, 3)`);
    const loaded = await bench.act('loadIncremental', { copy, table: 'ke-s', ...options });
    assert.deepEqual([loaded.rows, loaded.deletes, loaded.indexes, loaded.counts.target], [1001, 1, 4, 1000]);
    assert.ok(await bench.equal('ke-s'));
  });

  test('foreign keys that lead out of incremental tables are dropped and named; those of others stay', async () => {
    await bench.sql(
      'target',
      `create table people (id int primary key); insert into people values (1); alter table "ke-s" add constraint ke_users_foreign foreign key ("userId") references people (id); create table other (id int references people (id))`,
    );
    const copy = bench.copy({ 'ke-s': {} });
    assert.deepEqual(await bench.act('dropIncrementalForeignKeys', { copy }), ['ke-s.ke_users_foreign']);
    assert.deepEqual(await bench.act('dropIncrementalForeignKeys', { copy }), []);
    assert.equal((await bench.sql('target', `select from pg_constraint where contype = 'f'`)).length, 1);
  });
});
