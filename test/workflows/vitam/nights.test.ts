import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';

import { createClockActivities } from '../../../activities/clock/clockActivities.ts';
import { openFakeBench, type FakeBench, type FakeRunOptions } from '../../support/coldBackupRun.ts';
import type { PlatformState } from '../../support/fakePlatform.contract.ts';
import type { FakePlatform } from '../../support/fakePlatform.ts';
import type { ColdBackupReport } from '../../../workflows/vitam/coldBackup.contract.ts';
import { startTimeSkippingServer } from '../../support/temporalServer.ts';

const clock = createClockActivities();
const findWindow = clock.findWindow.bind(clock);
const findLocalTime = clock.findLocalTime.bind(clock);
const zone = 'Europe/Paris';
const hour = 3_600_000;
const night = { window: { outside: 'wait' }, drain: { pollSeconds: 60, limitSeconds: 4 * 3600 } };
const midnight = { securisation: { when: '00:00', graceSeconds: 3600, limitSeconds: 7200, pollSeconds: 300 } };

/** Whole nights on a server that skips time: one after the other, because it has one clock. */
describe('the night gates', { concurrency: 1 }, () => {
  let env: TestWorkflowEnvironment;
  let bench: FakeBench;
  before(async () => {
    env = await startTimeSkippingServer();
    bench = await openFakeBench(env);
  });
  after(async () => {
    await bench.close();
    await env.teardown();
  });

  interface Outcome {
    failure: ApplicationFailure | null;
    report: ColdBackupReport | null;
    platform: FakePlatform;
    initial: PlatformState;
    windowBeginMs: number;
    windowEndMs: number;
  }

  async function pass(
    options: FakeRunOptions,
    arrange: (platform: FakePlatform, windowBeginMs: number) => Promise<void>,
  ): Promise<Outcome> {
    // Begin at a moment that lies outside the window, whatever the server's clock says now.
    const { beginAt, endAt, inside } = await findWindow({
      begin: '20:00',
      end: '08:00',
      zone,
      at: new Date(await env.currentTimeMs()).toISOString(),
    });
    const atMs = await env.currentTimeMs();
    if (inside) await env.sleep(Date.parse(endAt) - atMs + hour);
    const next = inside
      ? await findWindow({ begin: '20:00', end: '08:00', zone, at: new Date(await env.currentTimeMs()).toISOString() })
      : { beginAt, endAt };
    let early: FakePlatform | undefined;
    const prepare = (platform: FakePlatform): void => {
      platform.clock = () => env.currentTimeMs();
      early = platform;
    };
    const windowBeginMs = Date.parse(next.beginAt);
    return bench.run(
      { ...options, prepare: (platform, cancel) => (prepare(platform), options.prepare?.(platform, cancel)) },
      async (run) => {
        assert.equal(early, run.platform);
        const initial = run.platform.state();
        await arrange(run.platform, windowBeginMs);
        const ended = await run.ended;
        const cause = 'failure' in ended && ended.failure instanceof WorkflowFailedError ? ended.failure.cause : null;
        return {
          failure: cause instanceof ApplicationFailure ? cause : null,
          report: 'report' in ended ? ended.report : null,
          platform: run.platform,
          initial,
          windowBeginMs,
          windowEndMs: Date.parse(next.endAt),
        };
      },
    );
  }

  const stepOf = (outcome: Outcome, id: string): { beganAt: number; endedAt: number } => {
    const step = outcome.report?.steps.find((each) => each.id === id);
    assert.ok(step, `no step ${id}: ${outcome.failure?.message ?? ''}`);
    return { beganAt: Date.parse(step.beganAt ?? ''), endedAt: Date.parse(step.endedAt ?? '') };
  };

  test('a run that is started by day stops nothing before 20:00, and goes on after the securisation that ran by itself at midnight', async () => {
    const outcome = await pass({ changes: { ...night, ...midnight } }, async (platform, beginMs) => {
      platform.securesItselfAt =
        Date.parse((await findLocalTime({ time: '00:00', zone, from: new Date(beginMs).toISOString() })).at) + 10 * 60_000;
    });
    assert.ok(outcome.report, outcome.failure?.message);
    assert.ok(stepOf(outcome, 'stop/ingest-external/front-1').beganAt >= outcome.windowBeginMs);
    assert.ok(stepOf(outcome, 'stop/ingest-external/front-1').beganAt < outcome.windowBeginMs + hour);
    assert.equal(outcome.report.securisation, 'OK, ran by itself');
    const midnightMs = Date.parse((await findLocalTime({ time: '00:00', zone, from: new Date(outcome.windowBeginMs).toISOString() })).at);
    assert.ok(stepOf(outcome, 'securisation/gate').endedAt >= midnightMs);
    assert.ok(stepOf(outcome, 'stop/worker/process-1').beganAt >= midnightMs, 'the worker was stopped before the securisation had run');
    assert.deepEqual(outcome.platform.violations, []);
    assert.deepEqual(outcome.platform.state(), outcome.initial);
  });

  test('a run that begins after midnight does not wait for the next one', async () => {
    const { beginAt } = await findWindow({ begin: '20:00', end: '08:00', zone, at: new Date(await env.currentTimeMs()).toISOString() });
    const afterMidnightMs = Date.parse(beginAt) + 5 * hour;
    const waitMs = afterMidnightMs - (await env.currentTimeMs());
    await env.sleep(waitMs > 0 ? waitMs : waitMs + 24 * hour);
    await bench.run(
      {
        changes: { ...night, ...midnight },
        prepare: (platform) => {
          platform.clock = () => env.currentTimeMs();
        },
      },
      async (run) => {
        const ended = await run.ended;
        assert.ok('report' in ended);
        assert.ok(Date.parse(ended.report.endedAt ?? '') - Date.parse(ended.report.beganAt) < 2 * hour);
      },
    );
  });

  test('a missed securisation is triggered after its grace', async () => {
    const outcome = await pass({ changes: { ...night, ...midnight } }, async () => undefined);
    assert.ok(outcome.report, outcome.failure?.message);
    assert.equal(outcome.report.securisation, 'OK, triggered by this run');
    const midnightMs = Date.parse((await findLocalTime({ time: '00:00', zone, from: new Date(outcome.windowBeginMs).toISOString() })).at);
    assert.ok(stepOf(outcome, 'securisation/run').endedAt >= midnightMs + hour, 'triggered before the grace was over');
    assert.deepEqual(outcome.platform.violations, []);
  });

  test('a workflow that never ends meets the limit of the wait, and the platform comes back', async () => {
    const outcome = await pass({ changes: { ...night, ...midnight } }, async (platform) => {
      platform.operations.push({ tenant: 0, operationId: 'endless', globalState: 'RUNNING', stepStatus: 'STARTED', looksLeft: 1e9 });
    });
    assert.equal(outcome.failure?.type, 'WorkflowsStillActive');
    assert.match(outcome.failure.message, /endless/);
    assert.deepEqual(outcome.platform.state(), outcome.initial);
  });

  test('at 08:00 a backup that has not ended is aborted and everything starts', async () => {
    const outcome = await pass(
      { changes: { ...night, ...midnight, drain: { pollSeconds: 60, limitSeconds: 24 * 3600 } } },
      async (platform) => {
        platform.operations.push({ tenant: 0, operationId: 'endless', globalState: 'RUNNING', stepStatus: 'STARTED', looksLeft: 1e9 });
      },
    );
    assert.equal(outcome.failure?.type, 'DeadlineExceeded');
    assert.deepEqual(outcome.platform.state(), outcome.initial);
    const nowMs = await env.currentTimeMs();
    assert.ok(nowMs >= outcome.windowEndMs && nowMs < outcome.windowEndMs + hour, 'the way back did not begin at the end of the window');
  });

  test('with "continue" the backup goes on over 08:00 and says so', async () => {
    const outcome = await pass(
      {
        changes: {
          ...night,
          ...midnight,
          window: { outside: 'wait', atEnd: 'continue' },
          drain: { pollSeconds: 60, limitSeconds: 24 * 3600 },
        },
      },
      async (platform) => {
        platform.operations.push({ tenant: 0, operationId: 'long', globalState: 'RUNNING', stepStatus: 'STARTED', looksLeft: 250 });
      },
    );
    assert.ok(outcome.report, outcome.failure?.message);
    assert.ok(Date.parse(outcome.report.endedAt ?? '') > outcome.windowEndMs);
  });

  test('services start at 08:00 and not before when the platform wants it so', async () => {
    const outcome = await pass(
      { changes: { ...night, ...midnight, window: { outside: 'wait', startServices: 'atWindowEnd' } } },
      async () => undefined,
    );
    assert.ok(outcome.report, outcome.failure?.message);
    assert.ok(stepOf(outcome, 'start/storage/back-1').beganAt >= outcome.windowEndMs);
    assert.deepEqual(outcome.platform.state(), outcome.initial);
  });

  test('outside the window a run is refused when the platform wants it so, before anything is touched', async () => {
    const outcome = await pass({ changes: { ...night, window: { outside: 'refuse' } } }, async () => undefined);
    assert.equal(outcome.failure?.type, 'OutsideWindow');
    assert.deepEqual(
      outcome.platform.calls.filter(({ activity }) => activity === 'stopService'),
      [],
    );
  });

  test('a night of a production platform stays far from the limits of a history: 690 minutes of securisation, 12 hours of drain, 10 hours of copies', async () => {
    const hours = 14 * 3600;
    await bench.run(
      {
        example: true,
        changes: {
          window: { outside: 'run', atEnd: 'continue' },
          drain: { limitSeconds: hours },
          securisation: { when: 'now', graceSeconds: hours, limitSeconds: hours },
        },
        prepare: async (platform) => {
          platform.clock = () => env.currentTimeMs();
          platform.securesItselfAt = (await env.currentTimeMs()) + 690 * 60_000;
          // What the growing pauses make of 12 hours, and the watches of six copies of 10 hours, each for a sixth of what has passed.
          platform.operations.push({ tenant: 0, operationId: 'long', globalState: 'RUNNING', stepStatus: 'STARTED', looksLeft: 212 });
          platform.watchesPerCopy = 6 * 52;
        },
      },
      async (run) => {
        const ended = await run.ended;
        assert.ok('report' in ended, String('failure' in ended && ended.failure instanceof WorkflowFailedError && ended.failure.cause));
        const { events } = await run.handle.fetchHistory();
        const lengthHours = (Date.parse(ended.report.endedAt ?? '') - Date.parse(ended.report.beganAt)) / hour;
        assert.ok(lengthHours > 11, `${lengthHours} hours`);
        assert.ok((events?.length ?? 0) < 10_000, `${events?.length} events`);
        console.log(`# ${events?.length} events in ${lengthHours.toFixed(1)} hours`);
      },
    );
  });
});
