import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import pg from 'pg';

import { compareTables } from '../../deploy/lab/postgres/compareTables.ts';
import { advancePixSource } from '../../deploy/lab/pix/source/pixSource.ts';
import type { IncrementalReplicationReport } from '../../workflows/pix/incrementalReplication.contract.ts';
import type { PrepareIncrementalReport } from '../../workflows/pix/prepareIncremental.contract.ts';
import { failureOfRun } from '../support/failures.ts';
import { openPixBench, type PixBench } from '../support/pixBench.ts';
import { waitUntil } from '../support/waitUntil.ts';

const names = ['answers', 'knowledge-element-snapshots', 'knowledge-elements'];
const latch = 4712;
const tables = Object.fromEntries(names.map((name) => [name, 'incremental']));

describe('the incremental tables between real PostgreSQL servers', { concurrency: 1 }, () => {
  let bench: PixBench;
  before(async () => {
    bench = await openPixBench({ rows: 3_000 });
    await bench.describeReplica('pix', { tables, retries: { attemptsMax: 4, initialSeconds: 0.2 } });
  });
  after(() => bench.end());

  const failureOf = (type: string, input: Record<string, unknown>) => failureOfRun(bench.run(type, input));
  const differing = async (): Promise<string[]> =>
    (await compareTables({ source: bench.sourceUrl, target: bench.targetUrl, tables: names })).flatMap(({ table, equal }) =>
      equal ? [] : [table],
    );
  const incremental = (settings: Record<string, unknown> = {}): Promise<IncrementalReplicationReport> =>
    bench.run('pixIncrementalReplication', { replica: 'pix', incremental: settings });

  test('tables that were never loaded are refused all at once, and nothing is copied', async () => {
    await bench.query(bench.targetUrl, 'create table answers (id bigint primary key)');
    const refused = await failureOf('pixIncrementalReplication', { replica: 'pix' });
    assert.equal(refused.type, 'IncrementalTableEmpty');
    assert.match(refused.message, /answers \(empty\), knowledge-element-snapshots \(absent\), knowledge-elements \(absent\)/);
    await bench.query(bench.targetUrl, 'drop table answers');
  });

  test('the set-up of a warehouse that was replicated whole drops the foreign keys and touches nothing else', async () => {
    await bench.describeReplica('whole', { foreignKeys: true });
    await bench.run('pixFullReplication', { replica: 'whole' });
    const report = await bench.run<PrepareIncrementalReport>('pixPrepareIncremental', { replica: 'pix' });
    assert.deepEqual(report.alreadyLoaded, names);
    assert.deepEqual(report.recorded, names);
    assert.deepEqual(report.loaded, []);
    for (const key of [
      'answers.answers_assessmentid_foreign',
      'knowledge-elements.knowledge_elements_answerid_foreign',
      'knowledge-elements.knowledge_elements_assessmentid_foreign',
      'knowledge-elements.knowledge_elements_userid_foreign',
    ])
      assert.ok(report.foreignKeysDropped.includes(key), key);
  });

  test('a day is brought over, a worker killed in the middle of a chunk included: no row is doubled or lost', async () => {
    await advancePixSource({ url: bench.sourceUrl, rows: 6_000 });
    // Nothing but the checkpoints stops a doubled row.
    await bench.query(bench.targetUrl, 'alter table answers drop constraint answers_pkey cascade');
    const before_ = await bench.query<{ count: string }>(bench.targetUrl, 'select count(*) as count from answers');
    // The copy stands still in a chunk of its own for as long as somebody holds the latch.
    await bench.query(
      bench.targetUrl,
      `create function nightshift.latch() returns trigger language plpgsql as $$ begin
         if new.key_to::bigint % 20 = 0 then perform pg_advisory_xact_lock_shared(${latch}); end if; return new; end $$;
       create trigger latch before insert on nightshift.incremental_chunk for each row when (new.name = 'answers' and new.kind = 'append')
         execute function nightshift.latch()`,
    );
    const holder = new pg.Client({ connectionString: bench.targetUrl });
    holder.on('error', () => undefined);
    await holder.connect();
    await holder.query(`select pg_advisory_lock(${latch})`);
    const handle = await bench.start('pixIncrementalReplication', { replica: 'pix', incremental: { chunkRows: 1 } });
    const chunks = async (): Promise<number> => {
      const rows = await bench.query<{ count: string }>(
        bench.targetUrl,
        `select count(*) as count from nightshift.incremental_chunk where name = 'answers' and kind = 'append'`,
      );
      return Number(rows[0]?.count);
    };
    const waiting = `select from pg_locks where locktype = 'advisory' and not granted`;
    await waitUntil('a chunk stands still', async () => (await bench.query(bench.targetUrl, waiting)).length > 0);
    await bench.killWorker();
    const done = await chunks();
    await holder.end();
    await bench.startWorker();
    const report = (await handle.result()) as IncrementalReplicationReport;
    const answers = report.tables.find(({ table }) => table === 'answers');
    assert.ok(answers && answers.chunks > done, `${answers?.chunks} chunks, ${done} before the kill`);
    await bench.query(bench.targetUrl, 'drop function nightshift.latch cascade');
    const after_ = await bench.query<{ count: string }>(bench.targetUrl, 'select count(*) as count from answers');
    assert.equal(answers.rows, Number(after_[0]?.count) - Number(before_[0]?.count));
    assert.deepEqual(await differing(), []);
    assert.ok(report.tables.every(({ difference, reloaded }) => difference === 0 && reloaded === null));
    await bench.query(bench.targetUrl, 'alter table answers add constraint answers_pkey primary key (id)');
  });

  test('changed columns stop the run before anything is copied, or load the table whole by policy', async () => {
    await bench.query(
      bench.sourceUrl,
      `alter table answers add column note text default 'n'; insert into "knowledge-element-snapshots" ("userId", "snappedAt", snapshot) values (1, now(), '{}')`,
    );
    const refused = await failureOf('pixIncrementalReplication', { replica: 'pix' });
    assert.equal(refused.type, 'SchemaChanged');
    assert.match(refused.message, /answers: column note \(text\) is new/);
    assert.deepEqual(await differing(), ['answers', 'knowledge-element-snapshots']);
    const report = await incremental({ whenSchemaChanged: 'reload' });
    assert.deepEqual(
      report.tables.map(({ table, reloaded }) => [table, reloaded]),
      [
        ['answers', 'schemaChanged'],
        ['knowledge-element-snapshots', null],
        ['knowledge-elements', null],
      ],
    );
    assert.deepEqual(await differing(), []);
    const indexes = await bench.query<{ name: string }>(
      bench.targetUrl,
      `select indexname as name from pg_indexes where tablename = 'answers' order by 1`,
    );
    assert.deepEqual(
      indexes.map(({ name }) => name),
      ['answers_assessmentid_index', 'answers_challengeId_idx', 'answers_pkey'],
    );
  });

  test('counts that disagree are told, and the table is loaded whole by policy', async () => {
    await bench.query(bench.sourceUrl, 'delete from "knowledge-elements" where id % 100 = 0');
    const told = await incremental();
    const difference = told.tables.find(({ table }) => table === 'knowledge-elements')?.difference ?? 0;
    assert.ok(difference > 0);
    assert.match(told.warnings.join(), /knowledge-elements: \d+ rows on the source and \d+ on the target/);
    const report = await incremental({ whenCountsDiffer: 'reload' });
    assert.equal(report.tables.find(({ table }) => table === 'knowledge-elements')?.reloaded, 'countsDiffer');
    assert.deepEqual(await differing(), []);
    assert.deepEqual(
      await bench.query(bench.targetUrl, `select nspname from pg_namespace where nspname in ('nightshift_load', 'nightshift_retired')`),
      [],
    );
  });

  test('a warehouse without the tables gets them whole, and the chain carries them on', async () => {
    await bench.query(bench.targetUrl, 'drop table answers, "knowledge-elements" cascade');
    const prepared = await bench.run<PrepareIncrementalReport>('pixPrepareIncremental', { replica: 'pix' });
    assert.deepEqual(
      prepared.loaded.map(({ table }) => table),
      ['answers', 'knowledge-elements'],
    );
    await advancePixSource({ url: bench.sourceUrl, rows: 500 });
    const night = await bench.run<{ incremental: IncrementalReplicationReport }>('pixReplication', { replica: 'pix' });
    assert.ok(night.incremental.rows > 0);
    assert.deepEqual(await differing(), []);
    assert.ok(!(await bench.workerLog()).includes('canary'), 'a secret is in the log');
  });
});
