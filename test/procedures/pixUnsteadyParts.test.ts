import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { compareTables } from '../../deploy/lab/postgres/compareTables.ts';
import { wholeReplica } from '../../deploy/lab/pix/pixLab.ts';
import type { PostgresServer } from '../../deploy/lab/postgres/postgres.contract.ts';
import type { FullReplicationReport } from '../../workflows/pix/fullReplication.contract.ts';
import type { IncrementalReplicationReport } from '../../workflows/pix/incrementalReplication.contract.ts';
import type { LearningContentRunReport } from '../../workflows/pix/learningContent.contract.ts';
import type { OpenDataRunReport } from '../../workflows/pix/openData.contract.ts';
import type { VerifyReport } from '../../workflows/pix/verify.contract.ts';
import { startLosingProxy } from '../support/losingProxy.ts';
import { endings } from '../support/endings.ts';
import { startFollower } from '../support/follower.ts';
import { openPixBench, type PixBench } from '../support/pixBench.ts';
import { startStallingProxy, type StallingProxy } from '../support/stallingProxy.ts';
import { waitUntil } from '../support/waitUntil.ts';

/** Production is a standby, reached through a proxy that can stand still in the middle of a table; connections to the warehouse can be cut. */
describe('a warehouse on unsteady parts', { concurrency: 1 }, () => {
  let bench: PixBench;
  let standby: PostgresServer;
  let proxy: StallingProxy;
  const { atEnd, end } = endings();
  const tables = { answers: 'incremental', 'knowledge-elements': 'incremental' };
  before(async () => {
    bench = await openPixBench({ rows: 2_000 });
    atEnd(bench.end);
    await bench.query(
      bench.sourceUrl,
      `create table churn as select i as id, repeat(md5(i::text), 30) as text from generate_series(1, 2000) i`,
    );
    standby = await startFollower(bench.source, 'pix');
    atEnd(() => standby.remove());
    proxy = await startStallingProxy(standby.port);
    atEnd(proxy.close);
    await bench.setSecret('pix-source', bench.sourceUrl.replace(/:\d+\//, `:${proxy.port}/`));
    await bench.describeReplica('pix', { tables, retries: { attemptsMax: 5, initialSeconds: 0.2 } });
  });
  after(async () => {
    proxy?.release();
    await end();
  });

  test(
    'a conflict with recovery in the middle of the copy begins it again, says why, and the night ends well',
    { timeout: 900_000 },
    async () => {
      await bench.run('pixPrepareIncremental', { replica: 'pix' });
      proxy.stallAfter(600_000);
      const handle = await bench.start('pixFullReplication', { replica: 'pix' });
      await waitUntil('a copy stands still', proxy.stalled);
      await bench.query(bench.sourceUrl, 'delete from churn where id > 1500');
      await waitUntil('the standby wants to end the copy', async () => {
        // Again and again: a vacuum leaves what any session of the moment may still see.
        await bench.query(bench.sourceUrl, 'vacuum churn');
        const [seen] = await bench.query<{ wanted: boolean }>(
          standby.url({ database: 'pix' }),
          `select exists (select from pg_stat_activity where backend_type = 'startup' and wait_event like 'RecoveryConflict%')
           or (select confl_snapshot > 0 from pg_stat_database_conflicts where datname = 'pix') as wanted`,
        );
        return seen?.wanted === true;
      });
      proxy.release();
      const report = (await handle.result()) as FullReplicationReport;
      assert.equal(report.snapshots, 2);
      assert.match(report.warnings.join('\n'), /the copy begins again: .*the source is a standby: .*hot_standby_feedback/);
      const compared = await compareTables({
        ...{ source: bench.sourceUrl, target: bench.targetUrl },
        tables: report.check.tables.map(({ table }) => table),
      });
      assert.deepEqual(
        compared.filter(({ equal }) => !equal),
        [],
      );
      const incremental = await bench.run<IncrementalReplicationReport>('pixIncrementalReplication', { replica: 'pix' });
      assert.deepEqual(incremental.warnings, []);
      const verified = await bench.run<VerifyReport>('pixVerify', { replica: 'pix' });
      assert.deepEqual(verified.findings, []);
    },
  );

  test('a replacement whose answer was lost for good is asked for, and the run says what is in use', async () => {
    const cutting = await startLosingProxy(bench.target.port);
    atEnd(() => cutting.close());
    await bench.setSecret('cut-target', bench.targetUrl.replace(/:\d+\//, `:${cutting.port}/`));
    await bench.describeReplica('cut', { ...wholeReplica(bench), target: { url: 'cut-target' }, retries: { attemptsMax: 1 } });
    // The first one makes our own table, in a transaction of its own.
    await bench.run('pixLearningContent', { replica: 'cut' });
    cutting.loseAnswer();
    const content = await bench.run<LearningContentRunReport>('pixLearningContent', { replica: 'cut' });
    assert.deepEqual(
      content.steps.map(({ state }) => state),
      ['done'],
    );
    cutting.loseAnswer();
    const list = await bench.run<OpenDataRunReport>('pixOpenData', { replica: 'cut' });
    assert.deepEqual(
      list.steps.map(({ state }) => state),
      ['done', 'done'],
    );
    assert.equal(cutting.lost(), 2);
  });
});
