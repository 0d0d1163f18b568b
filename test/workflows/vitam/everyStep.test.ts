import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';

import { openFakeBench, type FakeBench } from '../../support/coldBackupRun.ts';
import type { PlatformState } from '../../support/fakePlatform.contract.ts';
import type { Call } from '../../support/fakeTroubles.ts';
import { startDevServer, withoutWorkflowStacks } from '../../support/temporalServer.ts';

/** Activities that change something: for these "done, but the answer was lost" differs from "failed". */
const acts = new Set([
  'stopService',
  'startService',
  'stopBalancer',
  'restoreBalancer',
  'startArchive',
  'watchArchive',
  'writeTextFile',
  'requestHttp',
  'ensureDirectory',
  'discardArchive',
  'forgetArchiveJob',
  'removePaths',
]);
const atOnceMax = 6;

/**
 * The whole promise in one sweep: whatever one call of a whole run does (fails, takes effect and loses its answer, meets a cancel), the platform ends as
 * it began, nothing of the copy is left, and the run says so. The calls are those of a recorded good run, so a new step is swept by itself.
 */
describe('the platform ends as it began, whichever call of the cold backup', () => {
  let env: TestWorkflowEnvironment;
  let bench: FakeBench;
  let calls: (Call & { part: 'work' | 'wayBack' | 'completing' })[];
  let initial: PlatformState;

  before(async () => {
    withoutWorkflowStacks();
    env = await startDevServer();
    bench = await openFakeBench(env);
    await bench.run({}, async (run) => {
      initial = run.platform.state();
      assert.ok('report' in (await run.ended), 'the run without trouble fails');
      const all = run.platform.calls;
      const firstStart = all.findIndex(({ activity }) => activity === 'forgetArchiveJob');
      const journalGone = all.findIndex(({ activity, key }) => activity === 'removePaths' && key.includes('.run.json'));
      assert.ok(firstStart > 0 && journalGone > firstStart);
      const journalWritten = all.findIndex(({ activity }) => activity === 'writeTextFile');
      const seen = new Set<string>();
      calls = all.flatMap((call, index) => {
        const key = call.key.replaceAll(nameOf(run.workflowId), 'PLATFORM');
        // Before anything is touched, one call stands for its likes on the other hosts.
        const kind = index < journalWritten ? call.activity : key;
        const isFirst = !seen.has(kind) && !seen.has(key);
        seen.add(kind).add(key);
        return isFirst
          ? [
              {
                ...call,
                key,
                part: index < firstStart ? ('work' as const) : index <= journalGone ? ('wayBack' as const) : ('completing' as const),
              },
            ]
          : [];
      });
    });
  });
  after(async () => {
    await bench.close();
    await env.teardown();
  });

  const nameOf = (workflowId: string): string => workflowId.slice(workflowId.lastIndexOf('/') + 1);

  async function sweep(kind: 'fail' | 'lostAnswer' | 'cancel', chosen: typeof calls): Promise<void> {
    const wrong: string[] = [];
    const waiting = [...chosen];
    const lane = async (): Promise<void> => {
      for (let call = waiting.shift(); call; call = waiting.shift()) {
        try {
          await once(kind, call);
        } catch (error) {
          wrong.push(`${kind} at ${call.key}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
    };
    await Promise.all(Array.from({ length: atOnceMax }, lane));
    assert.deepEqual(wrong, [], `${wrong.length} of ${chosen.length} runs`);
    console.log(`# ${kind}: ${chosen.length} runs, every platform as it began`);
  }

  async function once(kind: 'fail' | 'lostAnswer' | 'cancel', call: (typeof calls)[number]): Promise<void> {
    let platformName = '';
    await bench.run(
      {
        prepare: (platform, cancel) => {
          platformName = platform.name;
          const key = call.key.replaceAll('PLATFORM', platformName);
          platform.trouble(key, kind === 'cancel' ? { kind, cancel } : { kind, times: 1 });
        },
      },
      async (run) => {
        const ended = await run.ended;
        const state = run.platform.state();
        assert.deepEqual(state, initial, 'the platform is not as it began');
        assert.deepEqual(run.platform.violations, []);
        assert.deepEqual(run.platform.unmet(), [], 'the trouble was never met');
        const progress = await run.progress();
        assert.deepEqual(progress.down, [], 'the run says that something is down');
        const archives = [...run.platform.files.keys()].filter((file) => file.endsWith('.tar.zst'));
        const isComplete = run.platform.manifests().some((file) => file.startsWith('back-1:'));
        if (kind === 'cancel') {
          assert.ok('failure' in ended && ended.failure instanceof WorkflowFailedError, 'a cancelled run ended well');
          assert.ok(ended.failure.cause instanceof CancelledFailure, `ended with ${String(ended.failure.cause)}`);
          assert.equal(progress.state, 'cancelled');
        } else if (call.part === 'work') {
          assert.ok('failure' in ended, 'a run with a failed step ended well');
          assert.equal(progress.state, 'failed');
          assert.ok(
            progress.steps.some(({ state: each }) => each === 'failed'),
            'no step is marked as failed',
          );
        } else if (call.part === 'wayBack') {
          assert.ok('report' in ended, 'one failure on the way back is tried again');
        }
        if (call.part === 'work') {
          assert.deepEqual(archives, [], 'a void set left archives');
          assert.equal(isComplete, false, 'a void set has a manifest');
        }
      },
    );
  }

  test('fails', () => sweep('fail', calls));
  test('takes effect and loses its answer', () =>
    sweep(
      'lostAnswer',
      calls.filter(({ activity }) => acts.has(activity)),
    ));
  test('meets a cancel', () => sweep('cancel', calls));
});
