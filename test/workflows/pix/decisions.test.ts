import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ApplicationFailure } from '@temporalio/common';

import type { FullReplicationReport } from '../../../workflows/pix/fullReplication.contract.ts';
import type { NotificationReport } from '../../../workflows/pix/notification.contract.ts';
import type { ReplicationReport } from '../../../workflows/pix/replication.contract.ts';
import type { RunProgress } from '../../../workflows/runbook/runbook.contract.ts';
import { marksOf, openFakeReplicas, type FakeReplicaBench, type FakeReplicaRun } from '../../support/fakeReplicaBench.ts';
import { onDevServer } from '../../support/temporalServer.ts';
import { waitUntil } from '../../support/waitUntil.ts';

const hold = { policy: { onStepFailure: 'hold', holdSeconds: 600, questionSeconds: 600 } };
const asking = { policy: { questionSeconds: 600 } };
const links = ['full', 'incremental', 'learningContent', 'notification'] as const;
const byMarie = { by: 'marie', why: 'a test' };

describe('what a person decides about a night of Pix', () => {
  let bench: FakeReplicaBench;
  before(async () => {
    bench = await onDevServer(openFakeReplicas);
  });
  after(() => bench.close());

  const until = (run: FakeReplicaRun, what: string, holds: (progress: RunProgress) => boolean, link = ''): Promise<void> =>
    waitUntil(what, async () => {
      // Before its first task the run knows no query.
      const progress = await run.progress(link).catch(() => null);
      return progress !== null && holds(progress);
    });
  const isHeld = ({ held }: RunProgress): boolean => held.length > 0;

  test('an abort ends any work under way, and says who wanted it', () =>
    bench.run(
      {
        type: 'pixNotification',
        prepare: (replica) => replica.trouble('deliverWebhook one', { kind: 'wait', until: new Promise(() => undefined) }),
      },
      async (run) => {
        await until(run, 'a webhook is under way', ({ steps }) => steps.some(({ state }) => state === 'running'));
        await run.update('abort', byMarie);
        const { failure } = await run.ended;
        assert.ok(failure instanceof ApplicationFailure);
        assert.equal(failure.type, 'StepAborted');
        assert.match(failure.message, /^the run was aborted by marie: a test\b/);
        assert.deepEqual(run.replica.state().told, []);
      },
    ));

  test('a held step is tried again: the run ends as if nothing had been', () =>
    bench.run(
      {
        ...{ type: 'pixFullReplication', document: hold },
        prepare: (replica) => replica.trouble('runStatements index/users', { kind: 'fail', times: 1 }),
      },
      async (run) => {
        await until(run, 'the index is held', isHeld);
        assert.deepEqual(
          (await run.progress()).held.map(({ step, skippable }) => [step, skippable]),
          [['index/users', false]],
        );
        await assert.rejects(run.update('skipStep', { ...byMarie, step: 'index/users' }), 'a warehouse without an index was accepted');
        await run.update('retryStep', { ...byMarie, step: 'index/users' });
        const report = (await run.ended).report as FullReplicationReport;
        assert.deepEqual(
          report.decisions.map(({ choice, by }) => [choice, by]),
          [['retryStep', 'marie']],
        );
        assert.deepEqual([run.replica.state().warehouse, run.replica.state().leftovers], ['new', []]);
      },
    ));

  test('an aborted step ends the run; the former copy stays and nothing is left', () =>
    bench.run(
      {
        ...{ type: 'pixFullReplication', document: hold },
        prepare: (replica) => replica.trouble('verifyBeside', { kind: 'fail', times: 1 }),
      },
      async (run) => {
        await until(run, 'the check is held', isHeld);
        await run.update('abort', byMarie);
        const { failure } = await run.ended;
        assert.ok(failure instanceof ApplicationFailure);
        assert.equal(failure.type, 'StepAborted');
        assert.match(failure.message, /marie/);
        assert.deepEqual([run.replica.state().warehouse, run.replica.state().leftovers], ['former', []]);
        assert.equal((await run.progress()).state, 'failed');
      },
    ));

  test('a foreign key may be left out by a person; the check expects one less, and the report says so', () =>
    bench.run(
      {
        ...{ type: 'pixFullReplication', document: hold },
        prepare: (replica) => replica.trouble('runStatements foreignKey/memberships', { kind: 'fail', times: 1 }),
      },
      async (run) => {
        await until(run, 'the key is held', isHeld);
        await assert.rejects(run.update('skipStep', { by: 'marie', step: 'foreignKey/memberships' }), 'skipped without a reason');
        await run.update('skipStep', { ...byMarie, step: 'foreignKey/memberships' });
        const report = (await run.ended).report as FullReplicationReport;
        assert.equal(marksOf(await run.progress())['foreignKey/memberships'], 'skipped');
        assert.match(report.warnings.join(), /skipped by marie: a test/);
        assert.equal(report.check.constraints, 0);
      },
    ));

  test('a webhook may be left out by a person; the others are told', () =>
    bench.run(
      {
        ...{ type: 'pixNotification', document: hold },
        prepare: (replica) => replica.trouble('deliverWebhook one', { kind: 'fail', times: 1 }),
      },
      async (run) => {
        await until(run, 'the webhook is held', isHeld);
        await run.update('skipStep', { ...byMarie, step: 'tell/one' });
        const report = (await run.ended).report as NotificationReport;
        assert.deepEqual(
          [report.deliveries.map(({ webhook }) => webhook), report.skipped, run.replica.state().told],
          [['two'], ['one'], ['two']],
        );
      },
    ));

  test('a chain holds where the step is, not once more above it; after an abort it asks nobody', () =>
    bench.run(
      {
        ...{ type: 'pixReplication', document: hold },
        prepare: (replica) => replica.trouble('copyIncremental answers', { kind: 'fail', times: 1 }),
      },
      async (run) => {
        await until(run, 'the table is held', isHeld, 'incremental');
        const child = bench.env.client.workflow.getHandle(`${run.workflowId}/incremental`);
        await child.executeUpdate('abort', { args: [byMarie] });
        const { failure } = await run.ended;
        assert.ok(failure instanceof ApplicationFailure);
        assert.equal(failure.type, 'StepAborted');
        assert.deepEqual(Object.values(marksOf(await run.progress())), ['done', 'failed', 'waiting', 'waiting']);
        assert.deepEqual([run.replica.state().warehouse, run.replica.state().content], ['new', 'former']);
      },
    ));

  for (const startAt of links)
    test(`a chain that starts at ${startAt} goes on to the end`, () =>
      bench.run({ type: 'pixReplication', input: { startAt } }, async (run) => {
        const report = (await run.ended).report as ReplicationReport;
        const first = links.indexOf(startAt);
        assert.deepEqual(
          Object.entries(marksOf(await run.progress())),
          links.map((link, place) => [link, place < first ? 'notNeeded' : 'done']),
        );
        assert.deepEqual(
          links.filter((link) => report[link] !== undefined),
          links.slice(first),
        );
        assert.deepEqual([...new Set(run.replica.calls.map(({ link }) => link))], links.slice(first));
      }));

  test('what the replica does not have is left out of the chain, and the report says why', () =>
    bench.run({ type: 'pixReplication', document: { tables: {}, learningContent: undefined, notifications: [] } }, async (run) => {
      const report = (await run.ended).report as ReplicationReport;
      assert.deepEqual(
        report.steps.map(({ id, state, note }) => [id, state, note]),
        [
          ['full', 'done', undefined],
          ['incremental', 'notNeeded', 'no incremental tables configured'],
          ['learningContent', 'notNeeded', 'no learning content configured'],
          ['notification', 'notNeeded', 'no webhooks configured'],
        ],
      );
    }));

  test('the same day: a person has the failed link run again, and the chain goes on', () =>
    bench.run(
      {
        ...{ type: 'pixReplication', document: asking },
        prepare: (replica) => replica.trouble('replaceLearningContent', { kind: 'fail', times: 1 }),
      },
      async (run) => {
        await until(run, 'the chain asks', ({ questions }) => questions.length > 0);
        assert.deepEqual(
          run.replica.calls.filter(({ link }) => link === 'notification'),
          [],
        );
        await run.update('answer', { ...byMarie, question: 'same-day/learningContent', choice: 'sameDay' });
        const report = (await run.ended).report as ReplicationReport;
        assert.deepEqual(
          report.decisions.map(({ choice, by }) => [choice, by]),
          [['sameDay', 'marie']],
        );
        assert.deepEqual([run.replica.state().content, run.replica.state().told], ['new', ['one', 'two']]);
      },
    ));

  test('the next night: a person says so, and the chain ends at once with the failure of its link', () =>
    bench.run(
      {
        ...{ type: 'pixReplication', document: asking },
        prepare: (replica) => replica.trouble('replaceLearningContent', { kind: 'fail', times: 1 }),
      },
      async (run) => {
        await until(run, 'the chain asks', ({ questions }) => questions.length > 0);
        await run.update('answer', { ...byMarie, question: 'same-day/learningContent', choice: 'nextNight' });
        const { failure } = await run.ended;
        assert.match(failure?.message ?? '', /trouble made by the test at replaceLearningContent/);
        assert.deepEqual([run.replica.state().content, run.replica.state().told], ['former', []]);
      },
    ));

  test('a lost snapshot begins the copy again under a new one: nothing of two snapshots is mixed', () =>
    bench.run(
      {
        type: 'pixFullReplication',
        prepare: (replica) => {
          replica.trouble('copyTables copy/small', { kind: 'fail', times: 1, type: 'SnapshotLost' });
          replica.trouble('setSequences', { kind: 'fail', times: 1, type: 'SnapshotLost' });
        },
      },
      async (run) => {
        const report = (await run.ended).report as FullReplicationReport;
        assert.equal(report.snapshots, 3);
        assert.equal(run.replica.calls.filter(({ activity }) => activity === 'defineBeside').length, 3);
        assert.match(report.warnings.join(), /the copy begins again/);
        assert.deepEqual([run.replica.violations, run.replica.state().leftovers], [[], []]);
      },
    ));

  test('a snapshot that is lost for ever is given up after snapshotsMax', () =>
    bench.run(
      {
        ...{ type: 'pixFullReplication', document: { full: { snapshotsMax: 2 } } },
        prepare: (replica) => replica.trouble('setSequences', { kind: 'fail', times: 9, type: 'SnapshotLost' }),
      },
      async (run) => {
        const { failure } = await run.ended;
        assert.ok(failure instanceof ApplicationFailure);
        assert.equal(failure.type, 'SnapshotLost');
        assert.equal(run.replica.calls.filter(({ activity }) => activity === 'holdSnapshot').length, 2);
        assert.deepEqual([run.replica.state().warehouse, run.replica.state().leftovers], ['former', []]);
      },
    ));

  test('a replacement in place that broke off half full goes on from its dump with the command that its failure names', () =>
    bench.run(
      {
        ...{ type: 'pixFullReplication', document: { full: { method: 'inPlace' } } },
        prepare: (replica) => replica.trouble('restoreInPlace', { kind: 'fail', times: 1 }),
      },
      async (run) => {
        const { failure } = await run.ended;
        assert.ok(failure instanceof ApplicationFailure);
        const [, input = ''] = /--input '(.*)'/.exec(failure.message) ?? [];
        const calls = run.replica.calls.length;
        await bench.env.client.workflow.execute('pixFullReplication', {
          ...{ workflowId: `pix/goOn/${run.name}`, taskQueue: run.taskQueue, args: [JSON.parse(input) as object] },
        });
        assert.ok(!run.replica.calls.slice(calls).some(({ activity }) => activity === 'dumpSource'), 'dumped once more');
        assert.deepEqual([run.replica.state().warehouse, run.replica.state().leftovers, run.replica.violations], ['new', [], []]);
      },
    ));

  test('yesterday comes back with pixUndoReplication, once', async () => {
    await bench.run({ type: 'pixFullReplication' }, async (run) => {
      await run.ended;
      const undo = async (): Promise<unknown> =>
        bench.env.client.workflow.execute('pixUndoReplication', {
          ...{ workflowId: `pix/undo/${run.name}`, taskQueue: run.taskQueue, args: [{ replica: run.name }] },
        });
      await undo();
      assert.equal(run.replica.state().warehouse, 'former');
      await assert.rejects(undo(), ({ cause }: { cause: ApplicationFailure }) => cause.type === 'NothingToUndo');
    });
  });
});
