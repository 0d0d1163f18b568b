import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { execa } from 'execa';

import { unionMs } from '../../../client/replicationTimes/itemTimes.ts';
import { timesOfRun, type OwnRunTimes, type RecordedActivity, type RecordedRun } from '../../../client/replicationTimes/ownRunTimes.ts';
import { openFakeReplicas, type FakeReplicaBench } from '../../support/fakeReplicaBench.ts';
import { onDevServer } from '../../support/temporalServer.ts';
import { waitUntil } from '../../support/waitUntil.ts';

const beganMs = Date.parse('2026-11-21T04:10:00Z');

function activity(name: string, fromS: number, toS: number | null, input: unknown = {}, completed = toS !== null): RecordedActivity {
  return { activity: name, input, beganMs: beganMs + fromS * 1000, endedMs: toS === null ? null : beganMs + toS * 1000, completed };
}

function item(kind: string, id: string, extraIndexes: { name: string }[] = []): unknown {
  return { copy: { extraIndexes }, item: { id, kind, title: `made up: ${id}` } };
}

function run(type: string, status: RecordedRun['status'], activities: RecordedActivity[], children: RecordedRun[] = []): RecordedRun {
  const workflowId = type === 'pixReplication' ? 'night' : `night/${type}`;
  const endedMs = status === 'RUNNING' ? null : beganMs + 100_000;
  return { workflowId, runId: 'r', type, status, beganMs, endedMs, activities, children };
}

const extra = [{ name: 'answers_challengeId_idx' }];
const work = [
  activity('inspectBeside', 0, 1),
  activity('holdSnapshot', 1, 2),
  activity('defineBeside', 2, 6),
  activity('copyTables', 10, 40, item('copy', 'copy/answers')),
  activity('copyTables', 10, 20, item('copy', 'copy/users')),
  activity('readBesideProgress', 12, 13),
  activity('runStatements', 20, 30, item('index', 'index/users_pkey', extra)),
  activity('runStatements', 40, 52, item('index', 'index/answers_challengeId_idx', extra)),
  activity('runStatements', 52, 53, item('attach', 'attach/keys')),
  activity('runStatements', 53, 54, item('attach', 'attach/partitions')),
  activity('runStatements', 54, 60, item('foreignKey', 'foreignKey/answers/fk')),
  activity('runStatements', 60, 61, item('analyze', 'analyze/users')),
  activity('setSequences', 61, 62),
  activity('swapBeside', 70, 71),
];

describe('the durations of a run of ours', () => {
  test('time that is covered is counted once', () => {
    assert.equal(unionMs([]), 0);
    assert.equal(
      unionMs([
        [5, 9],
        [0, 3],
        [2, 6],
        [20, 21],
      ]),
      10,
    );
  });

  test('stand in the categories of the old tool, by the kind of the work; wall time beside sums', () => {
    const times = timesOfRun(run('pixFullReplication', 'COMPLETED', work), [], 0);
    assert.deepEqual([times.complete, times.method, times.missing], [true, 'beside', []]);
    assert.deepEqual([times.backupMs, times.replicationMs, times.enrichmentMs, times.totalMs], [5_000, 53_000, 12_000, 100_000]);
    assert.deepEqual(
      Object.entries(times.categories).map(([category, each]) => [category, each.finished, each.wallMs, each.totalMs]),
      [
        ['FK CONSTRAINT', 1, 6_000, 6_000],
        ['CONSTRAINT', 1, 1_000, 1_000],
        ['INDEX', 3, 23_000, 23_000],
        ['SEQUENCE', 1, 1_000, 1_000],
        ['TABLE DATA', 2, 30_000, 40_000],
      ],
    );
    assert.deepEqual(times.categories['TABLE DATA'].longest, [
      { name: 'made up: copy/answers', durationMs: 30_000 },
      { name: 'made up: copy/users', durationMs: 10_000 },
    ]);
  });

  test('an item that failed and then ended well is finished; one that never did is not', () => {
    const tried = [
      activity('copyTables', 0, 5, item('copy', 'copy/users'), false),
      activity('copyTables', 6, 9, item('copy', 'copy/users')),
      activity('copyTables', 6, 8, item('copy', 'copy/answers'), false),
      activity('copyTables', 8, null, item('copy', 'copy/tags')),
    ];
    const times = timesOfRun(run('pixFullReplication', 'RUNNING', tried), ['swap'], beganMs + 20_000);
    const { finished, unfinished, totalMs, wallMs } = times.categories['TABLE DATA'];
    assert.deepEqual([finished, unfinished, totalMs, wallMs], [1, 2, 3_000, 19_000]);
    assert.deepEqual([times.complete, times.totalMs, times.wallMs, times.endedAt], [false, null, 20_000, null]);
    assert.deepEqual(times.missing, ['backup', 'replication', 'swap']);
  });

  test('in place, the dump is the backup and what follows the restore the enrichment', () => {
    const inPlace = [
      activity('dumpSource', 0, 10),
      activity('proveDump', 10, 15),
      activity('emptyTarget', 15, 16),
      activity('restoreInPlace', 16, 40),
      activity('finishInPlace', 40, 47),
      activity('verifyInPlace', 47, 50),
    ];
    const times = timesOfRun(run('pixFullReplication', 'COMPLETED', inPlace), [], 0);
    assert.deepEqual([times.method, times.backupMs, times.replicationMs, times.enrichmentMs], ['inPlace', 15_000, 28_000, 7_000]);
  });

  test('a chain without its full replication has steps, and nothing of a backup', () => {
    const child = run('pixLearningContent', 'COMPLETED', [activity('replaceLearningContent', 0, 30)]);
    const times = timesOfRun(run('pixReplication', 'COMPLETED', [], [child]), [], 0);
    assert.deepEqual([times.complete, times.method, times.backupMs, times.totalMs], [true, null, null, null]);
    assert.deepEqual(
      times.steps.map(({ step, wallMs, sumMs }) => [step, wallMs, sumMs]),
      [['pixLearningContent', 100_000, 30_000]],
    );
  });
});

describe('the command replication-times with a run', () => {
  let bench: FakeReplicaBench;
  before(async () => {
    bench = await onDevServer(openFakeReplicas);
  });
  after(() => bench.close());

  const command = pathToFileURL(join(import.meta.dirname, '../../../client/replicationTimes/addReplicationTimes.ts')).href;
  const program = `import { Command } from 'commander'; import { addReplicationTimes } from '${command}';
    const program = new Command('ops'); addReplicationTimes(program); await program.parseAsync();`;
  const ops = (args: string[]): Promise<{ stdout: string; stderr: string; exitCode?: number }> =>
    execa(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program, '--', 'replication-times', ...args],
      { cwd: join(import.meta.dirname, '../../..'), reject: false, env: { TEMPORAL_ADDRESS: bench.env.address } },
    );
  const timesOf = async (workflowId: string): Promise<OwnRunTimes> => {
    const { stdout, stderr } = await ops(['--workflow-id', workflowId, '--json']);
    assert.equal(stderr, '');
    const { runs } = JSON.parse(stdout) as { runs: OwnRunTimes[] };
    assert.ok(runs[0]);
    return runs[0];
  };

  test('tells a night: phases, categories, steps', () =>
    bench.run({ type: 'pixReplication' }, async ({ ended, workflowId }) => {
      assert.equal((await ended).failure, null);
      const times = await timesOf(workflowId);
      assert.deepEqual([times.complete, times.status, times.method], [true, 'COMPLETED', 'beside']);
      assert.deepEqual(
        times.steps.map(({ step, status }) => `${step} ${status}`),
        ['full COMPLETED', 'incremental COMPLETED', 'learningContent COMPLETED', 'notification COMPLETED'],
      );
      const counts = Object.entries(times.categories).map(([category, { finished, unfinished }]) => [category, finished, unfinished]);
      assert.deepEqual(counts, [
        ['FK CONSTRAINT', 1, 0],
        ['CONSTRAINT', 0, 0],
        ['INDEX', 4, 0],
        ['SEQUENCE', 1, 0],
        ['TABLE DATA', 2, 0],
      ]);
      for (const known of [times.backupMs, times.replicationMs, times.totalMs]) assert.ok(known !== null && known <= times.wallMs);
      const { stdout, exitCode } = await ops(['--workflow-id', workflowId, '--run-id', times.runId]);
      assert.equal(exitCode, 0);
      assert.match(stdout, /pixReplication, .*: complete\n {2}backup {7}0h \d+min \d+s \(snapshot and definitions\)\n/);
      assert.match(stdout, /sum over workers/);
    }));

  test('a night that failed is incomplete, with what is known', () =>
    bench.run(
      {
        type: 'pixReplication',
        // One thing at a time: whatever else were under way would be cancelled, and unfinished too.
        document: { full: { atOnceMax: 1 } },
        prepare: (replica) => replica.trouble('runStatements index/tags', { kind: 'fail', times: 1 }),
      },
      async ({ ended, workflowId }) => {
        assert.ok((await ended).failure);
        const times = await timesOf(workflowId);
        assert.deepEqual([times.complete, times.status, times.totalMs], [false, 'FAILED', null]);
        assert.deepEqual(times.missing, ['replication', 'full', 'incremental', 'learningContent', 'notification']);
        assert.equal(times.categories.INDEX.unfinished, 1);
        assert.ok(times.backupMs !== null);
      },
    ));

  test('a night that goes on is incomplete, with what is known', async () => {
    let goOn: () => void = () => undefined;
    const until = new Promise<void>((resolve) => (goOn = resolve));
    await bench.run(
      { type: 'pixReplication', prepare: (replica) => replica.trouble('copyTables copy/users', { kind: 'wait', until }) },
      async ({ workflowId, replica }) => {
        try {
          await waitUntil('the copy is under way', () => replica.calls.some(({ key }) => key === 'copyTables copy/users'));
          const { stdout } = await ops(['--workflow-id', workflowId]);
          assert.match(stdout, /INCOMPLETE, RUNNING, without replication, full, incremental, learningContent, notification/);
          assert.match(stdout, /TABLE DATA +│ \d \(\d not\)/);
        } finally {
          goOn();
        }
      },
    );
  });

  test('fails with a clear word for a run that is none, another procedure, and options that contradict', () =>
    bench.run({ type: 'pixVerify' }, async ({ ended, workflowId }) => {
      await ended;
      const cases = [
        [['--workflow-id', 'nowhere'], /^nowhere cannot be read from .*: no run nowhere is known in namespace default$/],
        [['--workflow-id', workflowId], /is a run of pixVerify; this report is for runs of pixReplication, /],
        [['a.log', '--workflow-id', 'x'], /^a log or a run, not both/],
        [['--workflow-id', 'x', '--date', '2026-11-21'], /^--date is for logs/],
        [['--run-id', 'x', 'a.log'], /^--run-id needs --workflow-id$/],
        [[], /^say which log/],
      ] as const;
      const answers = await Promise.all(cases.map(([args]) => ops([...args])));
      for (const [index, [, said]] of cases.entries()) {
        const { stderr = '', exitCode } = answers[index] ?? {};
        assert.match(stderr, said);
        assert.equal(exitCode, 1);
      }
    }));
});
