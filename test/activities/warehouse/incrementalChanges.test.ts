import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { IncrementalTableReport } from '../../../activities/warehouse/incremental/incremental.contract.ts';
import { openIncrementalBench, type IncrementalBench } from './incrementalBench.ts';

describe('updates, deletes and keys of other types', { concurrency: 1 }, () => {
  let bench: IncrementalBench;
  before(async () => {
    bench = await openIncrementalBench();
    for (const side of ['source', 'target'] as const)
      await bench.sql(
        side,
        `create table changing (id bigint generated always as identity primary key, note text, "updatedAt" timestamptz not null default '2026-01-01', twice int generated always as (length(note) * 2) stored);
         insert into changing (note) select 'n' || i from generate_series(1, 50000) i;
         create table sparse (id bigint primary key, doc json); insert into sparse values (-5, '1')`,
      );
    await bench.sql(
      'source',
      `insert into sparse select i * 1000000000000, '{"i": 1}' from generate_series(1, 450) i;
       create table moments (at timestamptz primary key, v float8); insert into moments select '2026-01-01'::timestamptz + i * interval '1.5 ms', i from generate_series(1, 450) i;
       create table tokens (token uuid primary key, v int); insert into tokens select md5(i::text)::uuid, i from generate_series(1, 450) i;
       create table parted (id int primary key, v text) partition by range (id); create table parted_1 partition of parted for values from (0) to (200);
       create table parted_2 partition of parted default; insert into parted select i, i from generate_series(1, 450) i`,
    );
    await bench.sql(
      'target',
      `create table moments (at timestamptz primary key, v float8); insert into moments values ('2026-01-01 00:00:00.0015+00', 1);
       create table tokens (token uuid primary key, v int); insert into tokens values (md5('1')::uuid, 1);
       create table parted (id int primary key, v text); insert into parted values (1, 1)`,
    );
  });
  after(() => bench?.end());
  const settings = { changing: { updatedAt: 'updatedAt' }, sparse: {}, moments: { key: 'at' }, tokens: { key: 'token' }, parted: {} };
  const run = (table: keyof typeof settings, more = {}): Promise<IncrementalTableReport> =>
    bench.act('copyIncremental', { copy: bench.copy({ [table]: { ...settings[table], ...more } }), table });

  test('rows with another updatedAt are brought up by their key, those committed late too; the rest is not touched', async () => {
    assert.deepEqual(await run('changing').then(({ rows, updates, lateRows }) => [rows, updates, lateRows]), [0, 0, 0]);
    const late = await bench.connect('source');
    await late.query(`begin; update changing set note = 'changed late', "updatedAt" = '2026-01-02' where id = 9`);
    await bench.sql('source', `update changing set note = 'changed', "updatedAt" = '2026-01-03' where id in (1, 500)`);
    await bench.sql('source', `insert into changing (note) values ('new')`);
    assert.deepEqual(await run('changing').then(({ rows, updates, lateRows }) => [rows, updates, lateRows]), [1, 2, 0]);
    await late.query('commit');
    await late.end();
    const report = await run('changing');
    assert.deepEqual([report.rows, report.updates, report.comparedBy], [0, 1, 'transactions']);
    assert.ok(await bench.equal('changing'));
  });

  test('rows that the source deleted are told by the counts, and deleted where the table declares it, with all else in one pass', async () => {
    await bench.sql(
      'source',
      `delete from changing where id in (7, 20001, 20002, 50001); update changing set note = 'again', "updatedAt" = '2026-01-04' where id = 30000`,
    );
    const told = await run('changing');
    assert.deepEqual([told.updates, told.deletes, told.counts], [1, 0, { source: 49_997, target: 50_001 }]);
    await bench.sql('target', 'delete from changing where id = 40000; delete from changing where id = 3');
    const report = await run('changing', { deletes: true });
    assert.deepEqual(
      [report.comparedBy, report.deletes, report.lateRows, report.counts],
      ['ranges', 4, 2, { source: 49_997, target: 49_997 }],
    );
    assert.ok(await bench.equal('changing'));
    assert.deepEqual(await run('changing', { deletes: true }).then(({ rows, lateRows, deletes }) => [rows, lateRows, deletes]), [0, 0, 0]);
  });

  test('keys with wide gaps, moments, uuids and partitioned sources are copied in whole chunks', async () => {
    const reports = [await run('sparse'), await run('moments'), await run('parted')];
    assert.deepEqual(
      reports.map(({ rows, counts }) => [rows, counts.source, counts.target]),
      [
        [450, 451, 451],
        [449, 450, 450],
        [449, 450, 450],
      ],
    );
    assert.ok(
      reports.every(({ chunks }) => chunks <= 6),
      JSON.stringify(reports.map(({ chunks }) => chunks)),
    );
    // Rows with random keys come below the highest key as well as above it.
    const tokens = await run('tokens');
    assert.deepEqual([tokens.rows + tokens.lateRows, tokens.counts.target], [449, 450]);
    await bench.sql(
      'source',
      `insert into tokens select md5(i::text)::uuid, i from generate_series(451, 500) i; insert into parted values (0, 'late')`,
    );
    const more = await run('tokens');
    assert.deepEqual([more.rows + more.lateRows, more.counts.target, more.comparedBy], [50, 500, 'transactions']);
    assert.deepEqual(await run('parted').then(({ lateRows, comparedBy }) => [lateRows, comparedBy]), [1, 'transactions']);
    for (const table of ['sparse', 'moments', 'tokens', 'parted']) assert.ok(await bench.equal(table), table);
  });
});
