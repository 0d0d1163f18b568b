import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { isCancelled, marksOf } from '../../support/fakeReplicaBench.ts';
import { openGuardBench, type GuardBench, type GuardedReplica } from '../../support/guardedReplica.ts';
import { onDevServer } from '../../support/temporalServer.ts';
import { waitUntil } from '../../support/waitUntil.ts';

const of = (container: string) => ({ app: 'pix-datawarehouse', region: 'osc-fr1', container, token: 'scalingo-token' });
const document = { containers: [of('background'), of('web')] };
const asBefore = { background: { amount: 2, size: 'M' }, web: { amount: 0, size: 'S' } };

describe('the containers of a replica', { concurrency: 3 }, () => {
  let replicas: GuardBench;
  before(async () => {
    replicas = await onDevServer(openGuardBench);
  });
  after(() => replicas?.close());

  const withReplica = async (work: (bench: GuardedReplica) => Promise<void>): Promise<void> => {
    const bench = await replicas.open(document);
    for (const [kind, instances] of Object.entries(asBefore)) bench.containers.kinds.set(kind, instances);
    await work(bench);
  };

  test('are at nothing while the full replication runs and as before when the links after it run; what was at nothing stays so', () =>
    withReplica(async (bench) => {
      const [users, answers] = [bench.hold('copyTables copy/users'), bench.hold('copyIncremental answers')];
      const run = await bench.start('pixReplication');
      await waitUntil('users is under way', () => users.begun() === 1);
      assert.equal(bench.containers.kinds.get('background')?.amount, 0);
      const { down } = await run.progress();
      assert.deepEqual(
        down.map(({ commands }) => commands),
        [['scalingo --region osc-fr1 --app pix-datawarehouse scale background:2:M']],
      );
      users.release();
      await waitUntil('answers is under way', () => answers.begun() === 1);
      assert.deepEqual(Object.fromEntries(bench.containers.kinds), asBefore);
      answers.release();
      assert.equal((await run.ended).failure, null);
      assert.deepEqual(bench.containers.calls, ['stop background', 'start background']);
      assert.deepEqual((await run.progress()).down, []);
    }));

  test('come back when the full replication fails, when their first start fails, and when the run is cancelled', async () => {
    await withReplica(async (bench) => {
      bench.replica.trouble('copyTables copy/users', { kind: 'fail', times: 10 });
      bench.containers.startsThatFail = 1;
      const run = await bench.start('pixReplication');
      assert.notEqual((await run.ended).failure, null);
      assert.deepEqual(Object.fromEntries(bench.containers.kinds), asBefore);
      const progress = await run.progress();
      assert.equal(progress.state, 'failed');
      assert.equal(marksOf(progress)['containers/osc-fr1/pix-datawarehouse/background/up'], 'done');
    });
    await withReplica(async (bench) => {
      const users = bench.hold('copyTables copy/users');
      const run = await bench.start('pixReplication');
      await waitUntil('users is under way', () => users.begun() === 1);
      await run.handle.cancel();
      assert.ok(isCancelled((await run.ended).failure));
      assert.deepEqual(Object.fromEntries(bench.containers.kinds), asBefore);
      assert.deepEqual((await run.progress()).down, []);
    });
  });

  test('are left alone by a chain that begins after the full replication', () =>
    withReplica(async (bench) => {
      const run = await bench.start('pixReplication', { startAt: 'learningContent' });
      assert.equal((await run.ended).failure, null);
      assert.deepEqual(bench.containers.calls, []);
    }));
});
