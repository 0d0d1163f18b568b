import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { CancelledFailure } from '@temporalio/common';

import { failsWith } from '../../support/failures.ts';
import { openIncrementalBench, type IncrementalBench } from './incrementalBench.ts';

describe('the incremental copy', { concurrency: 1 }, () => {
  let bench: IncrementalBench;
  before(async () => {
    bench = await openIncrementalBench();
    await bench.sql(
      'source',
      `create table plain (id bigserial primary key, note text); insert into plain (note) select 'n' || i from generate_series(1, 250) i;
       create type mood as enum ('a', 'b');
       create table "Knowledge-Elements" (id bigint generated always as identity primary key, "Some Value" numeric(8,3), twice numeric generated always as ("Some Value" * 2) stored, moods mood[], at timestamptz default now());
       insert into "Knowledge-Elements" ("Some Value", moods) select i / 7.0, array['b', 'a']::mood[] from generate_series(1, 120) i`,
    );
    await bench.sql(
      'target',
      `create table plain (note text, id bigint primary key); insert into plain (id, note) select i, 'n' || i from generate_series(1, 100) i;
       create type filler as enum ('x'); create type mood as enum ('a', 'b');
       create table "Knowledge-Elements" (at timestamptz, moods mood[], twice numeric generated always as ("Some Value" * 2) stored, id bigint generated always as identity primary key, "Some Value" numeric(8,3));
       create table knowledge_elements (id int); create table nothing (id int primary key)`,
    );
    await bench.sql('source', 'create table nothing (id int primary key); insert into nothing values (1)');
  });
  after(() => bench?.end());

  test('appends in chunks, counts what came, and another column order makes no difference', async () => {
    const copy = bench.copy({ plain: {} });
    const report = await bench.act('copyIncremental', { copy, table: 'plain' });
    const { rows, chunks, keyBefore, keyAfter, lateRows, counts, comparedBy } = report;
    assert.deepEqual(
      { rows, chunks, keyBefore, keyAfter, lateRows, counts, comparedBy },
      { rows: 150, chunks: 2, keyBefore: '100', keyAfter: '250', lateRows: 0, counts: { source: 250, target: 250 }, comparedBy: 'ranges' },
    );
    assert.ok(await bench.equal('plain'));
    assert.deepEqual((await bench.act('readIncrementalProgress', { copy })).tables, [
      { table: 'plain', rows: 150, chunks: 2, rowsUnderWay: 0 },
    ]);
    const again = await bench.act('copyIncremental', { copy: bench.copy({ plain: {} }), table: 'plain' });
    assert.deepEqual([again.rows, again.chunks, again.lateRows, again.comparedBy], [0, 0, 0, 'transactions']);
  });

  test('carries mixed case and dashes, generated columns, identities and arrays of the source’s own types', async () => {
    await bench.sql('target', `insert into "Knowledge-Elements" (id, "Some Value", moods) overriding system value values (0, 1, '{}')`);
    await bench.sql(
      'source',
      `insert into "Knowledge-Elements" (id, "Some Value", moods, at) overriding system value values (0, 1, '{}', null)`,
    );
    const report = await bench.act('copyIncremental', { copy: bench.copy({ 'Knowledge-Elements': {} }), table: 'Knowledge-Elements' });
    assert.equal(report.rows, 120);
    assert.ok(await bench.equal('Knowledge-Elements'));
  });

  test('rows that commit late with a lower key are fetched, also after a transaction that stayed open over two runs', async () => {
    const late = await bench.connect('source');
    const once = async (): Promise<[number, number]> => {
      const report = await bench.act('copyIncremental', { copy: bench.copy({ plain: {} }), table: 'plain' });
      assert.equal(report.comparedBy, 'transactions');
      return [report.rows, report.lateRows];
    };
    const overtaken = async (): Promise<void> => {
      await bench.sql('source', `insert into plain (note) select 'overtakes' from generate_series(1, 10)`);
    };
    await late.query(`begin; insert into plain (note) select 'late' from generate_series(1, 5)`);
    await overtaken();
    assert.deepEqual(await once(), [10, 0]);
    await late.query('commit');
    assert.deepEqual(await once(), [0, 5]);
    assert.ok(await bench.equal('plain'));
    // In a savepoint too, whose rows carry the number of a subtransaction; and two runs go by.
    await late.query(
      `begin; insert into plain (note) values ('later'); savepoint s; insert into plain (note) values ('later still'); release s`,
    );
    await overtaken();
    assert.deepEqual(await once(), [10, 0]);
    await overtaken();
    assert.deepEqual(await once(), [10, 0]);
    await late.query('commit');
    await late.query('vacuum freeze plain');
    assert.deepEqual(await once(), [0, 2]);
    assert.ok(await bench.equal('plain'));
    // A key that was taken long ago by a session that had no transaction at all: CACHE, or the application itself.
    const { rows } = await late.query<{ id: string }>(`select nextval('plain_id_seq') as id`);
    await overtaken();
    assert.deepEqual(await once(), [10, 0]);
    await late.query(`insert into plain (id, note) values ($1, 'taken in advance')`, [rows[0]?.id]);
    assert.deepEqual(await once(), [0, 1]);
    assert.ok(await bench.equal('plain'));
    await late.end();
  });

  test('compares every range of keys when the source is another server than before', async () => {
    await bench.sql('target', `update nightshift.incremental_table set origin = 'another/1/1'; delete from plain where id in (3, 77)`);
    const report = await bench.act('copyIncremental', { copy: bench.copy({ plain: {} }), table: 'plain' });
    assert.deepEqual([report.comparedBy, report.lateRows], ['ranges', 2]);
    // And when somebody else wrote above the highest key, or the numbers of transactions have gone round.
    await bench.sql('source', `insert into plain (note) values ('by hand'), ('by hand')`);
    await bench.sql('target', `insert into plain (id, note) select max(id) + 2, 'by hand' from plain`);
    const other = await bench.act('copyIncremental', { copy: bench.copy({ plain: {} }), table: 'plain' });
    assert.deepEqual([other.comparedBy, other.lateRows, other.rows], ['ranges', 1, 0]);
    await bench.sql('target', `update nightshift.incremental_table set horizon = (horizon::numeric - 2200000000)::text`);
    assert.equal((await bench.act('copyIncremental', { copy: bench.copy({ plain: {} }), table: 'plain' })).comparedBy, 'ranges');
    assert.ok(await bench.equal('plain'));
  });

  test('a copy that is cancelled in the middle goes on after its last chunk; no row is doubled or lost', async () => {
    await bench.sql('source', `insert into plain (note) select repeat('x', 100) from generate_series(1, 60000)`);
    // Without a unique index nothing would stop a doubled row.
    await bench.sql('target', 'alter table plain drop constraint plain_pkey');
    const copy = bench.copy({ plain: {} }, { chunkRows: 500 });
    const [{ key } = { key: '' }] = await bench.sql<{ key: string }>('target', 'select (max(id) + 20001)::text as key from plain');
    const outcome = await bench.interruptAt(copy, 'plain', key);
    assert.ok(outcome instanceof CancelledFailure, String(outcome));
    assert.deepEqual((await bench.act('readIncrementalProgress', { copy })).tables, [
      { table: 'plain', rows: 20_000, chunks: 40, rowsUnderWay: 0 },
    ]);
    const report = await bench.act('copyIncremental', { copy, table: 'plain' });
    assert.deepEqual([report.rows, report.chunks, report.lateRows], [60_000, 120, 0]);
    assert.deepEqual(report.counts.source, report.counts.target);
    assert.ok(await bench.equal('plain'));
    await bench.sql('target', 'alter table plain add primary key (id)');
  });

  test('of two attempts that copy the same table at once, one gives way and nothing comes twice', async () => {
    await bench.sql('source', `insert into plain (note) select repeat('y', 100) from generate_series(1, 30000)`);
    await bench.sql('target', 'alter table plain drop constraint plain_pkey');
    const copy = bench.copy({ plain: {} }, { chunkRows: 500 });
    const outcomes = await Promise.allSettled([1, 2].map(() => bench.act('copyIncremental', { copy, table: 'plain' })));
    for (const outcome of outcomes) if (outcome.status === 'rejected') failsWith('PostgresBusy', 'another session')(outcome.reason);
    const report = await bench.act('copyIncremental', { copy, table: 'plain' });
    assert.equal(report.rows, 30_000);
    assert.ok(await bench.equal('plain'));
    await bench.sql('target', 'alter table plain add primary key (id)');
  });

  test('tells absent, empty and changed tables, and every fault of a key, before any is copied', async () => {
    await bench.sql(
      'source',
      `create table changing (id int primary key, a text); insert into changing values (1, 'a'); create table wordy (id text primary key); create table loose (id int unique);
       create table doubled (id int not null); create view seen as select 1 as id; create table far (id int primary key)`,
    );
    await bench.sql('target', `create table changing (id int primary key, a text); insert into changing values (1, 'a')`);
    await bench.act('recordIncremental', { copy: bench.copy({ changing: {} }) });
    const tables = ['plain', 'changing', 'nothing', 'far'];
    await bench.sql('source', 'alter table changing alter a type varchar(20), add b int');
    const copy = bench.copy(Object.fromEntries([...tables, 'wordy', 'loose', 'doubled', 'seen', 'gone'].map((name) => [name, {}])));
    const { tables: seen, faults } = await bench.act('inspectIncremental', { copy });
    assert.deepEqual(
      seen.map(({ name, state }) => [name, state]),
      [
        ['plain', 'ready'],
        ['changing', 'changed'],
        ['nothing', 'empty'],
        ['far', 'absent'],
      ],
    );
    assert.match(seen[1]?.differences.join() ?? '', /column b \(integer\) is new.*column a was text and is character varying\(20\)/);
    const told = faults.join('\n');
    for (const fault of [
      /wordy.*of type text/,
      /loose.*may be null/,
      /doubled.*no unique index/,
      /seen.*not a table/,
      /gone.*does not have it/,
    ])
      assert.match(told, fault);
    assert.equal(faults.length, 5);
    await assert.rejects(bench.act('copyIncremental', { copy, table: 'changing' }), failsWith('SchemaChanged', 'column b'));
    await assert.rejects(bench.act('copyIncremental', { copy, table: 'nothing' }), failsWith('IncrementalTableEmpty', 'nothing'));
  });
});
