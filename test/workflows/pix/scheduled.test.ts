import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ScheduleOverlapPolicy, WorkflowFailedError, type ScheduleHandle, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';

import type { RunProgress } from '../../../workflows/runbook/runbook.contract.ts';
import type { FakeReplica } from '../../support/fakeReplica.ts';
import { openFakeReplicas, type FakeReplicaBench } from '../../support/fakeReplicaBench.ts';
import { onDevServer } from '../../support/temporalServer.ts';
import { waitUntil } from '../../support/waitUntil.ts';

/** The old tool had no protection between a run by hand and the one at 05:10 (pix 3). */
describe('a schedule and a run by hand', () => {
  let bench: FakeReplicaBench;
  before(async () => {
    bench = await onDevServer(openFakeReplicas);
  });
  after(() => bench.close());

  interface Night {
    replica: FakeReplica;
    schedule: ScheduleHandle;
    /** Ids of the runs that the schedule has started, the first one first. */
    scheduled: () => Promise<string[]>;
    startByHand: () => Promise<WorkflowHandle>;
    /** Lets the copy of the tables, in which every run waits, go on. */
    goOn: () => void;
    untilCopying: () => Promise<void>;
  }

  async function night(act: (night: Night) => Promise<void>): Promise<void> {
    const { name, replica } = await bench.describe();
    let goOn: () => void = () => undefined;
    const until = new Promise<void>((resolve) => (goOn = resolve));
    replica.trouble('copyTables copy/users', { kind: 'wait', until });
    const work = { taskQueue: bench.taskQueue, args: [{ replica: name }] };
    const schedule = await bench.env.client.schedule.create({
      scheduleId: `pix-night-${name}`,
      // Not today: a test that runs at that very moment starts its runs itself.
      spec: { cronExpressions: ['10 5 * * *'], timezone: 'Europe/Paris', startAt: new Date(Date.now() + 86_400_000) },
      action: { type: 'startWorkflow', workflowType: 'pixReplication', workflowId: `pix/night/${name}`, ...work },
      policies: { overlap: ScheduleOverlapPolicy.SKIP },
    });
    try {
      await act({
        ...{ replica, schedule, goOn },
        scheduled: async () => (await schedule.describe()).info.recentActions.map(({ action }) => action.workflow.workflowId),
        startByHand: () => bench.env.client.workflow.start('pixReplication', { workflowId: `pix/hand/${name}`, ...work }),
        untilCopying: () => waitUntil('the copy is under way', () => replica.calls.some(({ key }) => key === 'copyTables copy/users')),
      });
    } finally {
      goOn();
      await schedule.delete();
    }
  }

  async function refusal(handle: WorkflowHandle): Promise<ApplicationFailure> {
    const error: unknown = await handle.result().then(
      () => assert.fail('the second run was not refused'),
      (each: unknown) => each,
    );
    assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure, String(error));
    assert.equal((await handle.query<RunProgress>('progress')).state, 'failed');
    return error.cause;
  }

  async function firstScheduled({ scheduled }: Night): Promise<WorkflowHandle> {
    await waitUntil('the schedule has started a run', async () => (await scheduled()).length > 0);
    const [id = ''] = await scheduled();
    return bench.env.client.workflow.getHandle(id);
  }

  test('the scheduled run is refused with the id of the one by hand, and disturbs it in nothing', () =>
    night(async (each) => {
      const byHand = await each.startByHand();
      await each.untilCopying();
      await each.schedule.trigger(ScheduleOverlapPolicy.SKIP);
      const { type, message } = await refusal(await firstScheduled(each));
      assert.equal(type, 'AlreadyRunning');
      assert.match(message, new RegExp(`"${byHand.workflowId}"`));
      each.goOn();
      await byHand.result();
      assert.deepEqual([each.replica.state().warehouse, each.replica.violations], ['new', []]);
    }));

  test('the run by hand is refused with the id of the scheduled one', () =>
    night(async (each) => {
      await each.schedule.trigger(ScheduleOverlapPolicy.SKIP);
      const first = await firstScheduled(each);
      await each.untilCopying();
      const { type, message } = await refusal(await each.startByHand());
      assert.equal(type, 'AlreadyRunning');
      assert.ok(message.includes(`"${first.workflowId}"`), message);
      each.goOn();
      await first.result();
      assert.deepEqual([each.replica.state().warehouse, each.replica.violations], ['new', []]);
    }));

  test('two triggers of the schedule give one run', () =>
    night(async (each) => {
      await each.schedule.trigger(ScheduleOverlapPolicy.SKIP);
      const first = await firstScheduled(each);
      await each.untilCopying();
      await each.schedule.trigger(ScheduleOverlapPolicy.SKIP);
      await waitUntil('the second is skipped', async () => (await each.schedule.describe()).info.numActionsSkippedOverlap === 1);
      each.goOn();
      await first.result();
      assert.deepEqual(await each.scheduled(), [first.workflowId]);
      assert.equal(each.replica.calls.filter(({ key }) => key === 'swapBeside').length, 1);
    }));
});
