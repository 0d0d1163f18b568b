import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure, type TemporalFailure } from '@temporalio/common';

import type { FullReplicationReport } from '../../../workflows/pix/fullReplication.contract.ts';
import type { IncrementalReplicationReport } from '../../../workflows/pix/incrementalReplication.contract.ts';
import type { ReplicationReport } from '../../../workflows/pix/replication.contract.ts';
import { isCancelled, marksOf } from '../../support/fakeReplicaBench.ts';
import { openGuardBench, type GuardBench, type GuardedReplica } from '../../support/guardedReplica.ts';
import { onDevServer } from '../../support/temporalServer.ts';
import { waitUntil } from '../../support/waitUntil.ts';

const always = { begin: '00:00', end: '00:00', zone: 'UTC' };
const guard = { hours: always, responseTimes: [{ name: 'app', url: 'http://app.example/', limitMilliseconds: 500 }] };
const oneByOne = { full: { atOnceMax: 1 } };

describe('a run of Pix under load', { concurrency: 4 }, () => {
  let replicas: GuardBench;
  before(async () => {
    replicas = await onDevServer(openGuardBench);
  });
  after(() => replicas?.close());

  const withReplica = async (document: Record<string, unknown>, work: (bench: GuardedReplica) => Promise<void>): Promise<void> => {
    await work(await replicas.open({ ...oneByOne, ...document }));
  };
  const typeOf = (failure: TemporalFailure | null): string | null | undefined =>
    failure instanceof ApplicationFailure ? failure.type : failure && `${failure.name}: ${failure.message}`;
  const refused = async (update: Promise<unknown>): Promise<string> => {
    const error: unknown = await update.then(
      () => assert.fail('the update was taken'),
      (each: unknown) => each,
    );
    assert.ok(error instanceof WorkflowUpdateFailedError && error.cause instanceof Error, String(error));
    return error.cause.message;
  };

  test('a breach pauses it: what is under way ends, nothing more begins, and it goes on when the load is good', () =>
    withReplica({ guard }, async (bench) => {
      const users = bench.hold('copyTables copy/users');
      const run = await bench.start('pixFullReplication');
      await waitUntil('users is under way', () => users.begun() === 1);
      bench.say('breached');
      const paused = await run.until('it is paused', ({ state }) => state === 'paused');
      assert.equal(paused.pauses[0]?.by, 'the load guard');
      assert.match(paused.pauses[0]?.why ?? '', /900 ms/);
      users.release();
      const waiting = await run.until('users is done', (progress) => marksOf(progress)['copy/users'] === 'done');
      assert.equal(marksOf(waiting)['copy/small'], 'waiting');
      const swap = bench.hold('swapBeside');
      bench.say('good');
      await waitUntil('it watches again', () => bench.watches.length === 3);
      swap.release();
      const { report, failure } = await run.ended;
      assert.equal(failure, null);
      const { decisions } = report as FullReplicationReport;
      assert.deepEqual(
        decisions.map(({ choice, by }) => [choice, by]),
        [
          ['pause', 'the load guard'],
          ['resume', 'the load guard'],
        ],
      );
      assert.deepEqual(
        bench.watches.map(({ until }) => until),
        ['breached', 'good', 'breached'],
      );
      assert.deepEqual([bench.replica.violations, bench.replica.state().leftovers], [[], []]);
      assert.equal(users.begun(), 1);
    }));

  test('where the policy says so a pause ends the table under way, and it begins again', () =>
    withReplica({ guard: { ...guard, underWay: 'end' } }, async (bench) => {
      const users = bench.hold('copyTables copy/users');
      const run = await bench.start('pixFullReplication');
      await waitUntil('users is under way', () => users.begun() === 1);
      bench.say('breached');
      await run.until('users waits', (progress) => marksOf(progress)['copy/users'] === 'waiting');
      users.release();
      bench.say('good');
      assert.equal((await run.ended).failure, null);
      assert.equal(users.begun(), 2);
      assert.deepEqual(bench.replica.violations, []);
    }));

  test('the incremental copy gives up its chunk at a pause and goes on after it', () =>
    withReplica({}, async (bench) => {
      const answers = bench.hold('copyIncremental answers');
      const run = await bench.start('pixIncrementalReplication');
      await waitUntil('answers is under way', () => answers.begun() === 1);
      await run.update('pause', { by: 'marie', why: 'the applications are slow' });
      await run.until('answers waits', (progress) => marksOf(progress)['copy/answers'] === 'waiting');
      answers.release();
      await run.update('resume', { by: 'marie' });
      const { report, failure } = await run.ended;
      assert.equal(failure, null);
      assert.equal(answers.begun(), 2);
      assert.deepEqual(
        (report as IncrementalReplicationReport).decisions.map(({ subject, choice, by, why }) => [subject, choice, by, why]),
        [
          ['the run', 'pause', 'marie', 'the applications are slow'],
          ['the run', 'resume', 'marie', undefined],
        ],
      );
    }));

  test('a breach stops it by policy: as a cancel does, with the reason', () =>
    withReplica({ guard: { ...guard, breach: 'stop' } }, async (bench) => {
      const users = bench.hold('copyTables copy/users');
      const run = await bench.start('pixFullReplication');
      await waitUntil('users is under way', () => users.begun() === 1);
      bench.say('breached');
      const { failure } = await run.ended;
      assert.equal(typeOf(failure), 'LoadTooHigh');
      assert.match(failure?.message ?? '', /900 ms/);
      const progress = await run.progress();
      assert.equal(progress.state, 'failed');
      assert.equal(marksOf(progress)['copy/users'], 'stopped');
      assert.deepEqual([bench.replica.state().warehouse, bench.replica.state().leftovers], ['former', []]);
    }));

  test('a guard that only tells warns, and tells once more after the load was good', () =>
    withReplica({ guard: { ...guard, breach: 'tell' } }, async (bench) => {
      const users = bench.hold('copyTables copy/users');
      const run = await bench.start('pixFullReplication');
      await waitUntil('users is under way', () => users.begun() === 1);
      for (const verdict of ['breached', 'good', 'unreadable', 'breached'] as const) bench.say(verdict, `said ${verdict}`);
      const told = await run.until('it told twice', ({ decisions }) => decisions.length === 2);
      assert.equal(told.state, 'working');
      assert.match(told.warnings.join('\n'), /cannot read everything: said unreadable/);
      assert.deepEqual(bench.watches.find(({ known }) => known.length > 0)?.known, ['app']);
      users.release();
      assert.equal((await run.ended).failure, null);
    }));

  test('outside its hours nothing is watched', async () => {
    const hour = (offset: number): string => new Date(Date.now() + offset * 3_600_000).toISOString().slice(11, 16);
    await withReplica({ guard: { ...guard, hours: { begin: hour(5), end: hour(6), zone: 'UTC' } } }, async (bench) => {
      const run = await bench.start('pixFullReplication');
      assert.equal((await run.ended).failure, null);
      assert.deepEqual(bench.watches, []);
    });
  });

  test('a pause of a person stands until resume, whatever the guard sees', () =>
    withReplica({ guard }, async (bench) => {
      const users = bench.hold('copyTables copy/users');
      const run = await bench.start('pixFullReplication');
      await waitUntil('users is under way', () => users.begun() === 1);
      await run.update('pause', { by: 'marie', why: 'release at noon' });
      bench.say('breached');
      await run.until('both pause', ({ pauses }) => pauses.length === 2);
      bench.say('good');
      const left = await run.until('the guard lifted its own', ({ pauses }) => pauses.length === 1);
      assert.deepEqual([left.state, left.pauses[0]?.by], ['paused', 'marie']);
      await run.update('resume', { by: 'paul' });
      users.release();
      assert.equal((await run.ended).failure, null);
    }));

  test('pause and resume are refused without who, without why, twice, or where nothing could wait', () =>
    withReplica({}, async (bench) => {
      const users = bench.hold('copyTables copy/users');
      const run = await bench.start('pixFullReplication');
      await waitUntil('users is under way', () => users.begun() === 1);
      assert.match(await refused(run.update('resume', { by: 'marie' })), /not paused/);
      assert.match(await refused(run.update('pause', { why: 'noon' })), /by:/);
      assert.match(await refused(run.update('pause', { by: 'marie' })), /why:/);
      await run.update('pause', { by: 'marie', why: 'noon' });
      assert.match(await refused(run.update('pause', { by: 'paul', why: 'noon' })), /already, by marie/);
      await run.update('resume', { by: 'marie' });
      users.release();
      assert.equal((await run.ended).failure, null);
      const content = bench.hold('replaceLearningContent');
      const other = await bench.start('pixLearningContent');
      await waitUntil('the content is under way', () => content.begun() === 1);
      assert.match(await refused(other.update('pause', { by: 'marie', why: 'noon' })), /no step that could wait/);
      content.release();
      assert.equal((await other.ended).failure, null);
    }));

  test('a pause that nobody ends is over at its limit: by policy the run goes on, or stops', async () => {
    for (const whenPauseEnds of ['goOn', 'stop'])
      await withReplica({ guard: { ...guard, pauseMaxSeconds: 0.3, whenPauseEnds } }, async (bench) => {
        const users = bench.hold('copyTables copy/users');
        const run = await bench.start('pixFullReplication');
        await waitUntil('users is under way', () => users.begun() === 1);
        await run.update('pause', { by: 'marie', why: 'noon' });
        if (whenPauseEnds === 'goOn') {
          await run.until('it goes on', ({ state, warnings }) => state === 'working' && warnings.length > 0);
          users.release();
        }
        const { failure } = await run.ended;
        assert.equal(typeOf(failure), whenPauseEnds === 'stop' ? 'LoadTooHigh' : null);
        assert.deepEqual(bench.replica.state().leftovers, []);
      });
  });

  test('a paused run can be cancelled, and aborted with a reason', async () => {
    for (const end of ['cancel', 'abort'] as const)
      await withReplica({}, async (bench) => {
        const users = bench.hold('copyTables copy/users');
        const run = await bench.start('pixFullReplication');
        await waitUntil('users is under way', () => users.begun() === 1);
        await run.update('pause', { by: 'marie', why: 'noon' });
        if (end === 'cancel') await run.handle.cancel();
        else await run.update('abort', { by: 'marie', why: 'not today' });
        const { failure } = await run.ended;
        if (end === 'cancel') assert.ok(isCancelled(failure));
        else assert.equal(typeOf(failure), 'StepAborted');
        assert.deepEqual([bench.replica.state().warehouse, bench.replica.state().leftovers], ['former', []]);
      });
  });

  test('the chain watches for its links and pauses the one under way', () =>
    withReplica({ guard }, async (bench) => {
      const users = bench.hold('copyTables copy/users');
      const run = await bench.start('pixReplication');
      await waitUntil('users is under way', () => users.begun() === 1);
      bench.say('breached');
      const link = await run.until('the link is paused', ({ state }) => state === 'paused', 'full');
      assert.deepEqual([link.pauses[0]?.origin, link.pauses[0]?.by], ['above', 'the load guard']);
      assert.match(await refused(run.update('resume', { by: 'marie' }, 'full')), /resume that one/);
      assert.equal((await run.progress()).state, 'paused');
      users.release();
      await run.until('users is done', (progress) => marksOf(progress)['copy/users'] === 'done', 'full');
      await run.update('resume', { by: 'marie', why: 'the data is wanted' });
      const { report, failure } = await run.ended;
      assert.equal(failure, null);
      assert.deepEqual(
        (report as ReplicationReport).decisions.map(({ choice, by }) => [choice, by]),
        [
          ['pause', 'the load guard'],
          ['resume', 'marie'],
        ],
      );
      assert.equal(bench.watches.length, 2, 'a link watched too');
    }));

  test('the chain is stopped with the link under way', () =>
    withReplica({ guard: { ...guard, breach: 'stop' } }, async (bench) => {
      const users = bench.hold('copyTables copy/users');
      const run = await bench.start('pixReplication');
      await waitUntil('users is under way', () => users.begun() === 1);
      bench.say('breached');
      assert.equal(typeOf((await run.ended).failure), 'LoadTooHigh');
      assert.equal(marksOf(await run.progress()).full, 'stopped');
      assert.equal((await run.progress('full')).state, 'cancelled');
      assert.deepEqual([bench.replica.state().warehouse, bench.replica.state().leftovers], ['former', []]);
    }));
});
