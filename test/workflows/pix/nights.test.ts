import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';

import { openFakeReplicas, type FakeReplicaBench } from '../../support/fakeReplicaBench.ts';
import { startTimeSkippingServer } from '../../support/temporalServer.ts';

const unattended = {
  retries: { attemptsMax: 6, initialSeconds: 30 },
  policy: { questionSeconds: 1800, holdSeconds: 3600 },
};

/** Whole nights on a server that skips time: one after the other, because it has one clock. */
describe('a night of Pix that nobody watches', { concurrency: 1 }, () => {
  let env: TestWorkflowEnvironment;
  let bench: FakeReplicaBench;
  before(async () => {
    env = await startTimeSkippingServer();
    bench = await openFakeReplicas(env);
  });
  after(async () => {
    await bench.close();
    await env.teardown();
  });

  const secondsBetween = (from: string | undefined, to: string | undefined): number =>
    (Date.parse(to ?? '') - Date.parse(from ?? '')) / 1000;

  test('what may pass is tried again, each time after a pause twice as long', () =>
    bench.run(
      {
        ...{ type: 'pixFullReplication', document: unattended },
        prepare: (replica) => replica.trouble('copyTables copy/users', { kind: 'fail', times: 5, type: 'PostgresUnreachable' }),
      },
      async ({ ended, replica }) => {
        assert.equal((await ended).failure, null);
        const tries = replica.calls.filter(({ key }) => key === 'copyTables copy/users').map(({ atMs }) => atMs);
        const pauses = tries.slice(1).map((atMs, index) => atMs - (tries[index] ?? 0));
        assert.equal(pauses.length, 5);
        for (const [index, pause] of pauses.entries()) {
          const least = 30_000 * 2 ** index;
          assert.ok(pause >= least && pause < least * 2, `pause ${index + 1} was ${pause} ms`);
        }
      },
    ));

  test('what is for ever unreachable is given up after attemptsMax tries; the former copy stays', () =>
    bench.run(
      {
        ...{ type: 'pixFullReplication', document: unattended },
        prepare: (replica) => replica.trouble('copyTables copy/users', { kind: 'fail', times: 99, type: 'PostgresUnreachable' }),
      },
      async ({ ended, replica }) => {
        const { failure } = await ended;
        assert.ok(failure instanceof ApplicationFailure);
        assert.equal(failure.type, 'PostgresUnreachable');
        assert.equal(replica.calls.filter(({ key }) => key === 'copyTables copy/users').length, 6);
        assert.deepEqual([replica.state().warehouse, replica.state().leftovers], ['former', []]);
      },
    ));

  test('a refusal is no passing failure: it is not tried again', () =>
    bench.run(
      {
        ...{ type: 'pixLearningContent', document: unattended },
        prepare: (replica) => replica.trouble('replaceLearningContent', { kind: 'fail', times: 1 }),
      },
      async ({ ended, replica }) => {
        assert.ok((await ended).failure);
        assert.deepEqual(
          replica.calls.map(({ activity }) => activity),
          ['replaceLearningContent', 'readLearningContent'],
        );
      },
    ));

  test('nobody answers whether the data must be there the same day: the next night does it', () =>
    bench.run(
      {
        ...{ type: 'pixReplication', document: unattended },
        prepare: (replica) => replica.trouble('verifyBeside', { kind: 'fail', times: 1 }),
      },
      async ({ ended, replica, progress }) => {
        const { failure } = await ended;
        assert.ok(failure instanceof ApplicationFailure);
        assert.equal(failure.type, 'PostgresFailed');
        const { decisions, steps } = await progress();
        assert.deepEqual(
          decisions.map(({ choice, by }) => [choice, by]),
          [['nextNight', 'nobody answered within 1800 s: the default']],
        );
        assert.ok(secondsBetween(steps[0]?.endedAt, decisions[0]?.at) >= 1800);
        assert.deepEqual(
          steps.map(({ state }) => state),
          ['failed', 'waiting', 'waiting', 'waiting'],
        );
        assert.deepEqual([replica.state().warehouse, replica.state().leftovers], ['former', []]);
      },
    ));

  test('nobody decides about a held step: the run ends as if it had not been held', () =>
    bench.run(
      {
        ...{ type: 'pixFullReplication', document: { ...unattended, policy: { onStepFailure: 'hold', holdSeconds: 3600 } } },
        prepare: (replica) => replica.trouble('swapBeside', { kind: 'fail', times: 1, type: 'TargetBusy' }),
      },
      async ({ ended, replica, progress }) => {
        const { failure } = await ended;
        assert.ok(failure instanceof ApplicationFailure);
        assert.equal(failure.type, 'TargetBusy');
        const { decisions } = await progress();
        assert.deepEqual(
          decisions.map(({ choice, by }) => [choice, by]),
          [['unwind', 'nobody answered within 3600 s']],
        );
        assert.deepEqual([replica.state().warehouse, replica.state().leftovers], ['former', []]);
      },
    ));
});
