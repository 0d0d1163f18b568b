import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';

import { openFakeBench, type FakeBench, type FakeRun } from '../../support/coldBackupRun.ts';
import { startDevServer } from '../../support/temporalServer.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { holdId, holdsQueue } from '../../../workflows/names.contract.ts';

describe('vitamColdBackup over a fake platform', { concurrency: 4 }, () => {
  let env: TestWorkflowEnvironment;
  let bench: FakeBench;
  before(async () => {
    env = await startDevServer();
    bench = await openFakeBench(env);
  });
  after(async () => {
    await bench.close();
    await env.teardown();
  });

  async function failureOf(run: FakeRun): Promise<ApplicationFailure> {
    const ended = await run.ended;
    assert.ok('failure' in ended, 'the run succeeded');
    assert.ok(ended.failure instanceof WorkflowFailedError);
    assert.ok(ended.failure.cause instanceof ApplicationFailure, String(ended.failure.cause));
    return ended.failure.cause;
  }

  test('stops, copies, brings back, completes the set and tells so', async () => {
    await bench.run({}, async (run) => {
      const before_ = run.platform.state();
      const ended = await run.ended;
      if ('failure' in ended) throw ended.failure;
      const { report } = ended;
      assert.deepEqual(run.platform.violations, []);
      assert.deepEqual(run.platform.state(), before_);
      assert.deepEqual(report.parts.map(({ name }) => name).sort(), ['data/configsrv', 'data/shard0', 'data/shard1', 'further/conf']);
      assert.equal(report.securisation, 'OK, triggered by this run');
      assert.ok(report.downtimeSeconds > 0);
      assert.equal(report.collections, 3);
      assert.ok(run.platform.manifests().length > 0);
      const progress = await run.progress();
      assert.equal(progress.state, 'done');
      assert.deepEqual(progress.down, []);
      assert.deepEqual(
        progress.steps.filter(({ state }) => state === 'waiting' || state === 'running'),
        [],
        'a step has no end',
      );
    });
  });

  test('leaves down what was down before, and says so', async () => {
    await bench.run({ prepare: (platform) => platform.setCondition('process-2/vitam-worker', 'failed') }, async (run) => {
      const ended = await run.ended;
      assert.ok('report' in ended);
      assert.ok(!run.platform.state().running.includes('process-2/vitam-worker'));
      assert.match(ended.report.warnings.join(), /vitam-worker on process-2 was already down/);
    });
  });

  test('leaves the balancer off when it was off before', async () => {
    await bench.run({ prepare: (platform) => platform.setBalancer('data', 'off') }, async (run) => {
      assert.ok('report' in (await run.ended));
      assert.deepEqual(run.platform.state().balancers, { data: 'off' });
    });
  });

  test('a second start is refused with the id of the first', async () => {
    await bench.run(
      {
        prepare: (platform) => {
          platform.operations.push({ tenant: 0, operationId: 'op-1', globalState: 'RUNNING', stepStatus: 'STARTED', looksLeft: Infinity });
        },
      },
      async (run) => {
        await waitUntil('the first run drains', () => run.platform.calls.some(({ activity }) => activity === 'requestHttpAll'));
        const second = await env.client.workflow.start('vitamColdBackup', {
          workflowId: `${run.workflowId}/again`,
          taskQueue: run.taskQueue,
          args: [{ platform: 'small' }],
        });
        await assert.rejects(second.result(), (error) => {
          assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure);
          assert.equal(error.cause.type, 'AlreadyRunning');
          assert.ok(error.cause.message.includes(`"${run.workflowId}"`), error.cause.message);
          return true;
        });
        run.platform.operations.length = 0;
        assert.ok('report' in (await run.ended));
      },
    );
  });

  for (const [whose, ended] of [
    ['another run', 'ended-run'],
    ['a former run of the same id', null],
  ] as const)
    test(`a hold that ${whose} left, which the server is about to close, is waited for`, async () => {
      let hold = '';
      let own = '';
      const looks: string[] = [];
      await bench.run(
        {
          prepare: async ({ name }) => {
            hold = holdId(`${name}/host/local`);
            own = `vitam/coldBackup/${name}`;
            await env.client.workflow.start('hold', { workflowId: hold, taskQueue: holdsQueue });
          },
          describeRun: async ({ workflowId }) => {
            looks.push(workflowId);
            if (workflowId === hold) await env.client.workflow.getHandle(hold).terminate();
            const said = { workflowId, runId: 'r', type: 't', startedAt: '2026-11-21T20:00:00Z' };
            return workflowId === hold
              ? { ...said, status: 'RUNNING', parentWorkflowId: ended ?? own }
              : { ...said, status: 'TERMINATED', parentWorkflowId: null };
          },
        },
        async (run) => {
          const outcome = await run.ended;
          assert.ok('report' in outcome, String('failure' in outcome && outcome.failure));
          assert.equal(looks[0], hold);
          assert.equal(looks.includes('ended-run'), ended !== null);
        },
      );
    });

  test('waits for workflows of every tenant', async () => {
    await bench.run(
      {
        prepare: (platform) => {
          platform.operations.push({ tenant: 1, operationId: 'op-1', globalState: 'RUNNING', stepStatus: 'STARTED', looksLeft: 3 });
        },
      },
      async (run) => {
        assert.ok('report' in (await run.ended));
        assert.ok(run.platform.calls.filter(({ activity }) => activity === 'requestHttpAll').length >= 4);
        assert.deepEqual(run.platform.violations, []);
      },
    );
  });

  test('a FATAL workflow is a question; the default after the deadline is to abort and bring back', async () => {
    await bench.run(
      {
        prepare: (platform) => {
          platform.operations.push({ tenant: 0, operationId: 'op-fatal', globalState: 'PAUSE', stepStatus: 'FATAL', looksLeft: 1000 });
        },
      },
      async (run) => {
        const before_ = run.platform.state();
        const cause = await failureOf(run);
        assert.equal(cause.type, 'WorkflowsStillActive');
        assert.deepEqual(run.platform.state(), before_);
        assert.match((await run.progress()).decisions.map(({ by }) => by).join(), /nobody answered/);
      },
    );
  });

  test('a FATAL workflow accepted by an operator is left and named', async () => {
    await bench.run(
      {
        changes: { policy: { questionSeconds: 600 } },
        prepare: (platform) => {
          platform.operations.push({ tenant: 0, operationId: 'op-fatal', globalState: 'PAUSE', stepStatus: 'FATAL', looksLeft: 1000 });
        },
      },
      async (run) => {
        await until(async () => (await run.progress()).questions.length > 0);
        await assert.rejects(run.handle.executeUpdate('answer', { args: [{ question: 'workflows-fatal', choice: 'maybe', by: 'marie' }] }));
        await run.handle.executeUpdate('answer', { args: [{ question: 'workflows-fatal', choice: 'accept', by: 'marie', why: 'known' }] });
        const ended = await run.ended;
        assert.ok('report' in ended);
        assert.match(ended.report.workflowsLeft, /1 in state PAUSE/);
        assert.ok(ended.report.decisions.some(({ by, choice }) => by === 'marie' && choice === 'accept'));
      },
    );
  });

  test('a securisation that ends FATAL stops the night and brings back', async () => {
    await bench.run(
      {
        prepare: (platform) => {
          platform.securisationOutcome = 'FATAL';
        },
      },
      async (run) => {
        const before_ = run.platform.state();
        assert.equal((await failureOf(run)).type, 'SecurisationFailed');
        assert.deepEqual(run.platform.state(), before_);
        assert.deepEqual(run.platform.manifests(), []);
      },
    );
  });

  test('a securisation that ends between two looks has run by itself: none is triggered after it', async () => {
    await bench.run(
      {
        prepare: (platform) => {
          platform.securesItselfBeforeLook = true;
        },
      },
      async (run) => {
        const ended = await run.ended;
        if ('failure' in ended) throw ended.failure;
        assert.equal(ended.report.securisation, 'OK, ran by itself');
      },
    );
  });

  const by = {
    when: 'now',
    graceSeconds: 1,
    limitSeconds: 300,
    pollSeconds: 0.2,
    needs: ['worker', 'processing', 'workspace', 'storage', 'logbook'],
  };
  for (const securisation of [
    { mechanism: 'timers', host: 'back-1', units: ['vitam-traceability-operations', 'vitam-traceability-lfc-unit'], ...by },
    { mechanism: 'cron', host: 'back-1', processPattern: 'securise', resultFile: '/var/log/securise.result', command: ['securise'], ...by },
  ])
    test(`a securisation by ${securisation.mechanism} is triggered when it was missed, and its timers run again at the end`, async () => {
      await bench.run({ changes: { securisation } }, async (run) => {
        const before_ = run.platform.state();
        const ended = await run.ended;
        if ('failure' in ended) throw ended.failure;
        assert.equal(ended.report.securisation, 'OK, triggered by this run');
        assert.deepEqual(run.platform.violations, []);
        assert.deepEqual(run.platform.state(), before_);
        const timerStops = run.platform.calls.filter(({ key }) => key.startsWith('stopService') && key.endsWith('.timer'));
        assert.equal(timerStops.length, securisation.mechanism === 'timers' ? 2 : 0);
      });
    });

  test('a held step is tried again when an operator says so', async () => {
    await bench.run(
      {
        changes: { policy: { onStepFailure: 'hold', holdSeconds: 600 } },
        prepare: (platform) => platform.trouble('stopService back-1/vitam-storage', { kind: 'fail', times: 1 }),
      },
      async (run) => {
        await until(async () => (await run.progress()).held.length > 0);
        const { held, attention } = await run.progress();
        assert.equal(attention, 'hold');
        assert.equal(held[0]?.step, 'stop/storage/back-1');
        await assert.rejects(
          run.handle.executeUpdate('skipStep', { args: [{ step: 'stop/storage/back-1', by: 'marie', why: 'x' }] }),
          'a stop may not be skipped',
        );
        await assert.rejects(run.handle.executeUpdate('retryStep', { args: [{ step: 'stop/storage/back-1' }] }), 'an update needs a name');
        await run.handle.executeUpdate('retryStep', { args: [{ step: 'stop/storage/back-1', by: 'marie' }] });
        const ended = await run.ended;
        assert.ok('report' in ended);
        assert.ok(ended.report.decisions.some(({ choice, by }) => choice === 'retryStep' && by === 'marie'));
      },
    );
  });

  test('a held step unwinds at its deadline', async () => {
    await bench.run(
      {
        changes: { policy: { onStepFailure: 'hold', holdSeconds: 1 } },
        prepare: (platform) => platform.trouble('stopService back-1/vitam-storage', { kind: 'fail', times: 1 }),
      },
      async (run) => {
        const before_ = run.platform.state();
        await failureOf(run);
        assert.deepEqual(run.platform.state(), before_);
      },
    );
  });

  test('a held step that an operator aborts unwinds and says who', async () => {
    await bench.run(
      {
        changes: { policy: { onStepFailure: 'hold', holdSeconds: 600 } },
        prepare: (platform) => platform.trouble('stopBalancer data', { kind: 'fail', times: 9 }),
      },
      async (run) => {
        const before_ = run.platform.state();
        await until(async () => (await run.progress()).held.length > 0);
        await run.handle.executeUpdate('abort', { args: [{ by: 'marie', why: 'tomorrow' }] });
        const cause = await failureOf(run);
        assert.equal(cause.type, 'StepAborted');
        assert.match(cause.message, /marie/);
        assert.deepEqual(run.platform.state(), before_);
      },
    );
  });

  test('what does not come back is named with the command for a person, and the rest is up', async () => {
    await bench.run(
      {
        changes: { policy: { restoreLimitSeconds: 3 } },
        prepare: (platform) => {
          platform.broken.add('back-1/vitam-storage');
        },
      },
      async (run) => {
        const cause = await failureOf(run);
        assert.equal(cause.type, 'PlatformNotRestored');
        assert.match(cause.message, /systemctl start vitam-storage/);
        const progress = await run.progress();
        assert.deepEqual(
          progress.down.map(({ id }) => id),
          ['service/storage@back-1'],
        );
        assert.equal(progress.attention, 'restore');
        const state = run.platform.state();
        assert.ok(state.running.includes('front-1/vitam-ingest-external'), 'the others are up');
        assert.ok(state.journal, 'the journal stays for vitamStart');
      },
    );
  });

  test('a cancel during the way back changes nothing and the run ends cancelled', async () => {
    await bench.run(
      {
        prepare: (platform, cancel) => {
          platform.trouble('stopService back-1/vitam-storage', { kind: 'cancel', cancel });
          platform.trouble('startService back-1/vitam-logbook', { kind: 'fail', times: 1 });
        },
      },
      async (run) => {
        const before_ = run.platform.state();
        const ended = await run.ended;
        assert.ok('failure' in ended && ended.failure instanceof WorkflowFailedError && ended.failure.cause instanceof CancelledFailure);
        assert.deepEqual(run.platform.state(), before_);
      },
    );
  });

  test('an abort by update brings back and ends failed, telling who', async () => {
    await bench.run(
      {
        prepare: (platform) => {
          platform.operations.push({ tenant: 0, operationId: 'op-1', globalState: 'RUNNING', stepStatus: 'STARTED', looksLeft: Infinity });
        },
      },
      async (run) => {
        const before_ = run.platform.state();
        await until(async () => (await run.progress()).steps.some(({ id, state }) => id === 'drain' && state === 'running'));
        await run.handle.executeUpdate('abort', { args: [{ by: 'paul', why: 'wrong night' }] });
        const cause = await failureOf(run);
        assert.equal(cause.type, 'StepAborted');
        assert.match(cause.message, /paul: wrong night/);
        assert.deepEqual(run.platform.state(), before_);
      },
    );
  });

  test('the first stop waits for a yes when the request asks for it; nobody answers: nothing is touched', async () => {
    await bench.run({ input: { confirm: true } }, async (run) => {
      assert.equal((await failureOf(run)).type, 'NotConfirmed');
      assert.deepEqual(
        run.platform.calls.filter(({ activity }) => activity === 'stopService'),
        [],
      );
    });
  });

  test('the journal of a run that did not end refuses the next', async () => {
    await bench.run(
      {
        prepare: (platform) => {
          for (const index of Array.from({ length: 100 }, (_, each) => each))
            platform.files.set(
              `back-1:/backup/nightshift-fake-${process.pid}-${index}.run.json`,
              '{"format":"nightshift-vitam-journal/1","workflowId":"lost"}',
            );
        },
      },
      async (run) => {
        const cause = await failureOf(run);
        assert.equal(cause.type, 'LeftoverOfEarlierRun');
        assert.match(cause.message, /"lost"/);
        assert.deepEqual(
          run.platform.calls.filter(({ activity }) => activity === 'stopService'),
          [],
        );
      },
    );
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  // The run may not have registered its query yet.
  await waitUntil('the run is so far', () => holds().catch(() => false));
}
