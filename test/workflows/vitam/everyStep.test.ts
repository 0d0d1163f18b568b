import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { TestWorkflowEnvironment } from '@temporalio/testing';

import type { StatusReport } from '../../../workflows/vitam/status.contract.ts';
import { openFakeBench, type FakeBench, type FakeRun } from '../../support/coldBackupRun.ts';
import type { PlatformState } from '../../support/fakePlatform.contract.ts';
import type { FakePlatform } from '../../support/fakePlatform.ts';
import type { Call } from '../../support/fakeTroubles.ts';
import { endOf } from '../../support/replicaWorker.ts';
import { sweepEveryCall, type Ending, type SweptRun } from '../../support/sweepEveryCall.ts';
import { startDevServer, withoutWorkflowStacks } from '../../support/temporalServer.ts';

interface PlatformRun extends SweptRun {
  fake: FakePlatform;
  /** When the run began. */
  arranged: PlatformState;
  /** Before that, with nothing arranged. */
  whole: PlatformState;
}

/** Work; then the way back, where one failure is tried again; then what only finishes the run. */
type Part = 'work' | 'wayBack' | 'completing';

interface Procedure {
  type: string;
  arrange?: (platform: FakePlatform) => void;
  /** Every call, once something was touched; absent: the first of each activity, where another procedure is swept over the same code. */
  everyCall?: true;
  /** First activity of the way back; absent: nothing is brought back. */
  wayBackBegins?: string;
  /** Whether a run may end well that met this in its work. */
  mayEndWell?: (call: Call, kind: string) => boolean;
  must: (ending: Ending<PlatformRun>, part: Part) => void;
}

const set = '20260101T000000Z-0123abcd';
const keepSet = (platform: FakePlatform): void =>
  platform.keepSet(set, [
    { name: 'data/shard0', host: 'mongo-1' },
    { name: 'data/configsrv', host: 'mongo-2' },
    { name: 'further/conf', host: 'back-1' },
  ]);
const isCancel = (kind: string): boolean => kind === 'cancel';

const procedures: Procedure[] = [
  {
    type: 'vitamColdBackup',
    everyCall: true,
    wayBackBegins: 'forgetArchiveJob',
    must({ run, kind, failure, report }, part) {
      assert.deepEqual(run.fake.state(), run.arranged, 'the platform is not as it began');
      if (isCancel(kind)) assert.ok(failure, 'a cancelled run ended well');
      else if (part === 'wayBack') assert.ok(report, 'one failure on the way back is tried again');
      if (part !== 'work') return;
      const archives = [...run.fake.files.keys()].filter((file) => file.endsWith('.tar.zst'));
      const isComplete = run.fake.manifests().some((file) => file.startsWith('back-1:'));
      assert.deepEqual(archives, [], 'a void set left archives');
      assert.equal(isComplete, false, 'a void set has a manifest');
    },
  },
  {
    type: 'vitamStart',
    arrange: (platform) => platform.loseRun(),
    wayBackBegins: 'findUnfinishedArchives',
    must({ run, report }, part) {
      if (part === 'work') return assert.deepEqual(run.fake.state(), run.arranged, 'a look changed something');
      assert.deepEqual(run.fake.state(), run.whole, 'the platform is not whole');
      assert.ok(report, 'the platform is whole, and the run says otherwise');
    },
  },
  {
    type: 'vitamStatus',
    arrange: keepSet,
    mayEndWell: () => true,
    must({ run, report, kind }) {
      assert.deepEqual(run.fake.state(), run.arranged, 'a read changed something');
      if (isCancel(kind)) return;
      const { verdict, faults, down } = report as StatusReport;
      assert.equal(verdict, 'degraded');
      const told = [...faults, ...down.map(({ fault }) => fault)].filter((each) => each.includes('trouble made by the test'));
      assert.equal(told.length, 1, 'a look that failed is not among the faults');
    },
  },
  {
    type: 'vitamBackupProof',
    arrange: keepSet,
    // Its last act is shielded: then nothing is left to be cancelled.
    mayEndWell: ({ activity }, kind) => isCancel(kind) && activity === 'removePaths',
    must({ run, call, kind }) {
      assert.deepEqual(run.fake.state(), run.arranged, 'a proof changed the platform');
      const left = [...run.fake.files.keys()].filter((file) => file.includes(':/proof/'));
      if (call.activity === 'removePaths' && kind === 'fail') assert.equal(left.length, 1);
      else assert.deepEqual(left, [], 'something is left in the proof directory');
    },
  },
];

/**
 * The whole promise of VITAM in one sweep: whatever one call of a run does, the platform ends as it began (after vitamStart: whole), nothing half-done is left,
 * and the run says so.
 */
describe('the platform is as it must be, and the run says so, whichever call of', () => {
  let env: TestWorkflowEnvironment;
  let bench: FakeBench;
  before(async () => {
    withoutWorkflowStacks();
    env = await startDevServer();
    bench = await openFakeBench(env);
  });
  after(async () => {
    await bench.close();
    await env.teardown();
  });

  /** Calls of the fake with its name taken out: that of another run is another one. */
  const nameless = (fake: FakePlatform): Call[] => fake.calls.map((call) => ({ ...call, key: call.key.replaceAll(fake.name, 'PLATFORM') }));

  for (const { type, arrange, everyCall, wayBackBegins, mayEndWell, must } of procedures)
    test(type, async () => {
      const parts = new Map<string, Part>();
      const partOf = ({ key }: Call): Part => parts.get(key) ?? 'work';
      await sweepEveryCall<PlatformRun>({
        type,
        run(trouble, act) {
          let worlds: Pick<PlatformRun, 'arranged' | 'whole'>;
          return bench.run(
            {
              type,
              prepare(platform, cancel) {
                const whole = platform.state();
                arrange?.(platform);
                worlds = { whole, arranged: platform.state() };
                const met = trouble?.(cancel);
                if (met) platform.trouble(met.key.replaceAll('PLATFORM', platform.name), met.trouble);
              },
            },
            ({ platform, handle, progress }: FakeRun) => act({ fake: platform, ended: endOf(handle), progress, ...worlds }),
          );
        },
        callsOf: ({ fake }) => nameless(fake),
        likeOf: ({ activity, key }, isTouched) => (everyCall && isTouched ? key : activity),
        kindsOf: ({ changes }) => (changes ? ['fail', 'lostAnswer', 'cancel'] : ['fail', 'cancel']),
        good({ fake, whole }) {
          const calls = nameless(fake);
          const wayBack = calls.findIndex(({ activity }) => activity === wayBackBegins);
          const journalGone = calls.findIndex(({ activity, key }) => activity === 'removePaths' && key.includes('.run.json'));
          assert.equal(wayBack > 0 && journalGone > wayBack, wayBackBegins !== undefined, 'the way back is not where it is looked for');
          for (const [place, { key }] of calls.entries())
            if (!parts.has(key)) parts.set(key, wayBack < 0 || place < wayBack ? 'work' : place <= journalGone ? 'wayBack' : 'completing');
          assert.deepEqual(fake.state(), whole);
        },
        mayEndWell: (call, kind) => partOf(call) !== 'work' || (mayEndWell?.(call, kind) ?? false),
        must(ending) {
          assert.deepEqual(ending.progress.down, [], 'the run says that something is down');
          must(ending, partOf(ending.call));
        },
      });
    });
});
