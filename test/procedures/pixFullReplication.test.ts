import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { compareTables } from '../../deploy/lab/postgres/compareTables.ts';
import { advancePixSource } from '../../deploy/lab/pix/source/pixSource.ts';
import type { FullReplicationReport } from '../../workflows/pix/fullReplication.contract.ts';
import type { UndoReplicationReport } from '../../workflows/pix/undoReplication.contract.ts';
import type { PlanReport } from '../../workflows/runbook/runbook.contract.ts';
import { failureOfRun } from '../support/failures.ts';
import { openPixBench, type PixBench } from '../support/pixBench.ts';

describe('the full replication between real PostgreSQL servers', { concurrency: 1 }, () => {
  let bench: PixBench;
  before(async () => {
    bench = await openPixBench({ rows: 3_000 });
  });
  after(() => bench.end());

  const failureOf = (type: string, input: Record<string, unknown>) => failureOfRun(bench.run(type, input));
  const count = async (table: string): Promise<number> =>
    Number((await bench.query<{ count: string }>(bench.targetUrl, `select count(*) from public.${table}`))[0]?.count);

  test('a dry run tells tables, modes and steps and touches nothing', async () => {
    const replica = await bench.describeReplica('dry', { tables: { answers: 'incremental' } });
    const plan = await bench.run<PlanReport>('pixFullReplication', { replica, dryRun: true });
    const { tables } = plan.facts as { tables: { name: string; mode: string }[] };
    assert.ok(tables.some(({ name, mode }) => name === 'users' && mode === 'default'));
    assert.deepEqual(plan.faults, []);
    assert.deepEqual(await bench.query(bench.targetUrl, "select nspname from pg_namespace where nspname like 'nightshift%'"), []);
  });

  test('fills an empty warehouse; every table is equal, enrichment and the compatibility view are there', async () => {
    const replica = await bench.describeReplica('pix', { foreignKeys: true });
    const report = await bench.run<FullReplicationReport>('pixFullReplication', { replica });
    const compared = await compareTables({
      source: bench.sourceUrl,
      target: bench.targetUrl,
      tables: report.check.tables.map(({ table }) => table),
    });
    assert.deepEqual(
      compared.filter(({ equal }) => !equal),
      [],
    );
    assert.ok(compared.length >= 15, `${compared.length} tables`);
    const indexes = await bench.query<{ name: string }>(
      bench.targetUrl,
      "select indexname as name from pg_indexes where schemaname = 'public'",
    );
    for (const name of ['knowledge-elements_createdAt_idx', 'answers_challengeId_idx', 'users_createdAt_idx'])
      assert.ok(
        indexes.some((each) => each.name === name),
        name,
      );
    assert.equal(await count('"schooling-registrations"'), await count('"organization-learners"'));
    assert.ok(report.check.constraints > 0);
    assert.match(report.undo, /pixUndoReplication/);
  });

  test('the next day replaces the copy, leaves kept tables and what belongs to others, and yesterday comes back on demand', async () => {
    await bench.query(
      bench.targetUrl,
      `create table public.mine (note text); insert into public.mine values ('of the analysts'); create schema bi`,
    );
    await bench.query(bench.targetUrl, 'create view bi.learners as select id from public."organization-learners"');
    const [answers, users] = [await count('answers'), await count('users')];
    await advancePixSource({ url: bench.sourceUrl, rows: 500 });
    const replica = await bench.describeReplica('pix', { tables: { answers: 'incremental', 'knowledge-elements': 'incremental' } });
    // Foreign keys of the first run still tie the kept tables to the copy.
    const tied = await failureOf('pixFullReplication', { replica });
    assert.equal(tied.type, 'BesideNotPossible');
    assert.match(tied.message, /answers/);
    for (const [table, key] of [
      ['answers', 'answers_assessmentid_foreign'],
      ['"knowledge-elements"', 'knowledge_elements_answerid_foreign'],
      ['"knowledge-elements"', 'knowledge_elements_assessmentid_foreign'],
      ['"knowledge-elements"', 'knowledge_elements_userid_foreign'],
    ])
      await bench.query(bench.targetUrl, `alter table public.${table} drop constraint ${key}`);
    const report = await bench.run<FullReplicationReport>('pixFullReplication', { replica });
    assert.deepEqual(report.swap.rebound, ['bi.learners']);
    assert.equal(await count('answers'), answers, 'a kept table was touched');
    assert.equal(await count('mine'), 1);
    assert.notEqual(await count('users'), users);
    const undone = await bench.run<UndoReplicationReport>('pixUndoReplication', { replica });
    assert.ok(undone.swap.moved > 0);
    assert.equal(await count('users'), users);
  });
});
