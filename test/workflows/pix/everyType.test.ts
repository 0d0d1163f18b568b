import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';

import { pix } from '../../../workflows/pix/system.schema.ts';
import type { PlanReport, RunOutcome } from '../../../workflows/runbook/runbook.contract.ts';
import type { Trouble } from '../../support/fakeTroubles.ts';
import { FakeReplica } from '../../support/fakeReplica.ts';
import { isCancelled, openFakeReplicas, type FakeReplicaBench, type FakeReplicaOptions } from '../../support/fakeReplicaBench.ts';
import { onDevServer } from '../../support/temporalServer.ts';
import { waitUntil } from '../../support/waitUntil.ts';

const inPlace = { full: { method: 'inPlace' } };
const runs: Pick<FakeReplicaOptions, 'type' | 'document'>[] = [
  ...pix.types.map((type) => ({ type })),
  { type: 'pixFullReplication', document: inPlace },
  { type: 'pixReplication', document: inPlace },
];

describe('every type of Pix', { concurrency: 3 }, () => {
  let bench: FakeReplicaBench;
  before(async () => {
    bench = await onDevServer(openFakeReplicas);
  });
  after(() => bench.close());

  const undoable = (replica: FakeReplica): void => {
    replica.undoable = 'new';
  };
  const idsOf = ({ steps }: { steps: { id: string }[] }): string[] => steps.map(({ id }) => id);

  for (const [place, options] of runs.entries())
    test(`${place + 1}. ${options.type}: a dry run touches nothing and names every step; a cancelled run says so, and its memo too`, async () => {
      const good = await bench.run({ ...options, prepare: undoable }, async ({ ended, handle, replica, progress }) => {
        const { failure } = await ended;
        assert.equal(failure, null, failure?.message);
        assert.equal((await outcomeOf(handle)).state, 'done');
        return { steps: idsOf(await progress()), firstCall: replica.calls[0]?.key ?? '' };
      });

      await bench.run({ ...options, input: { dryRun: true }, prepare: undoable }, async ({ ended, replica }) => {
        const plan = (await ended).report as PlanReport;
        assert.deepEqual(
          replica.calls.map(({ activity }) => activity).filter((activity) => !/^(inspect|check)/.test(activity)),
          [],
        );
        const untouched = new FakeReplica();
        undoable(untouched);
        assert.deepEqual(replica.state(), untouched.state());
        assert.deepEqual([plan.dryRun, plan.faults], [true, []]);
        assert.equal(plan.looked, replica.calls.length > 0 ? 'atTheWorld' : 'offline');
        // What the work alone makes known stands among what was planned.
        const added = good.steps.filter((id) => !idsOf(plan).includes(id));
        assert.deepEqual(
          good.steps.filter((id) => !added.includes(id)),
          idsOf(plan),
        );
        assert.ok(added.length === 0 || pix.plannedOf(options.type).needsLook !== undefined, `not planned: ${added.join(', ')}`);
      });

      const cancelling = (cancel: () => Promise<unknown>): Trouble => ({ kind: 'cancel', cancel });
      await bench.run(
        {
          ...options,
          prepare: (replica, cancel) => {
            undoable(replica);
            replica.trouble(good.firstCall, cancelling(cancel));
          },
        },
        async ({ ended, handle, replica }) => {
          assert.ok(isCancelled((await ended).failure));
          assert.equal((await handle.describe()).status.name, 'CANCELLED');
          const { state, endedAt, failure, stillDown } = await outcomeOf(handle);
          assert.deepEqual([state, stillDown], ['cancelled', []]);
          assert.match(failure?.message ?? '', /^cancelled; \w+/);
          assert.ok(endedAt !== null);
          assert.deepEqual(replica.state().leftovers, []);
        },
      );
    });

  test('the chain tells the plan of every link, and its dry run leaves out what the run would', () =>
    bench.run({ type: 'pixReplication', input: { dryRun: true, startAt: 'incremental' }, document: { notifications: [] } }, async (run) => {
      const { facts } = (await run.ended).report as PlanReport;
      assert.deepEqual(
        (facts as { links: PlanReport[] }).links.map(({ procedure: type, steps }) => [type, steps.length]),
        [
          ['pixIncrementalReplication', 3],
          ['pixLearningContent', 1],
        ],
      );
    }));

  test('what a dry run cannot look at is a fault of its plan', () =>
    bench.run(
      {
        ...{ type: 'pixFullReplication', input: { dryRun: true } },
        prepare: (replica) => replica.trouble('inspectBeside', { kind: 'fail', times: 1 }),
      },
      async ({ ended }) => {
        const { faults, steps } = (await ended).report as PlanReport;
        assert.match(faults.join(), /trouble made by the test at inspectBeside/);
        assert.ok(steps.length > 0);
      },
    ));

  test('the outcome in the memo says why a run failed and what a person does now', () =>
    bench.run(
      {
        ...{ type: 'pixFullReplication', document: inPlace },
        prepare: (replica) => replica.trouble('restoreInPlace', { kind: 'fail', times: 1 }),
      },
      async ({ ended, handle, name }) => {
        await ended;
        const { state, failure, stillDown, next, downtimeSeconds } = await outcomeOf(handle);
        assert.deepEqual(
          [state, failure?.type, stillDown],
          ['failed', 'PlatformNotRestored', [`warehouse of ${name}: empty or half full`]],
        );
        assert.match(next ?? '', /temporal workflow start --type pixFullReplication .*"dumpOf"/);
        assert.ok(downtimeSeconds > 0);
      },
    ));

  describe('runs on one database, whatever their replica files are called', () => {
    const inUse = { target: { url: 'shared.one' }, schemaCopy: { target: { url: 'copies.one' } } };

    /** A run on a replica of these fields that stands still in the copy of its tables. */
    const whileCopying = async (document: Record<string, unknown>, act: (id: string) => Promise<void>): Promise<void> => {
      const { promise: until, resolve: goOn } = Promise.withResolvers<void>();
      await bench.run(
        {
          ...{ type: 'pixFullReplication', document },
          prepare: (replica) => replica.trouble('copyTables copy/users', { kind: 'wait', until }),
        },
        async ({ replica, workflowId, ended }) => {
          await waitUntil('the copy is under way', () => replica.calls.some(({ key }) => key === 'copyTables copy/users'));
          await act(workflowId);
          goOn();
          assert.equal((await ended).failure, null);
        },
      );
    };
    const start = async (type: string, document: Record<string, unknown>): Promise<WorkflowHandle> => {
      const { name } = await bench.describe(document);
      return bench.env.client.workflow.start(type, {
        ...{ workflowId: `pix/${type}/${name}`, taskQueue: bench.taskQueue, args: [{ replica: name }] },
      });
    };

    test('exclude each other; one that only reads does not', () =>
      whileCopying(inUse, async (id) => {
        const refused: unknown = await (
          await start('pixOpenData', { target: { url: 'shared.two' } })
        )
          .result()
          .catch((error: unknown) => error);
        assert.ok(refused instanceof WorkflowFailedError && refused.cause instanceof ApplicationFailure, String(refused));
        assert.equal(refused.cause.type, 'AlreadyRunning');
        assert.ok(refused.cause.message.includes(`"${id}"`), refused.cause.message);
        assert.match(refused.cause.message, /^postgres\/db\.example:5432\/shared is held/);
        await (await start('pixVerify', { target: { url: 'shared.two' } })).result();
      }));

    test('the database of the schema copy is held by a schema copy alone', () =>
      whileCopying({ ...inUse, target: { url: 'other.one' } }, async () => {
        await (await start('pixSchemaCopy', { schemaCopy: { target: { url: 'copies.two' } } })).result();
      }));
  });

  async function outcomeOf(handle: WorkflowHandle): Promise<RunOutcome> {
    return (await handle.describe()).memo?.outcome as RunOutcome;
  }
});
