import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';

import type { RunProgress } from '../../../workflows/runbook/runbook.contract.ts';
import type { ReplicaState } from '../../support/fakeReplica.contract.ts';
import type { FakeReplica } from '../../support/fakeReplica.ts';
import { marksOf, openFakeReplicas, type FakeReplicaBench } from '../../support/fakeReplicaBench.ts';
import type { Call } from '../../support/fakeTroubles.ts';
import { sweepEveryCall, type Ending, type SweptKind, type SweptRun } from '../../support/sweepEveryCall.ts';
import { startDevServer, withoutWorkflowStacks } from '../../support/temporalServer.ts';

interface ReplicaRun extends SweptRun {
  fake: FakeReplica;
}

interface Procedure {
  type: string;
  document?: Record<string, unknown>;
  input?: Record<string, unknown>;
  arrange?: (replica: FakeReplica) => void;
  /** The step whose end takes the new thing into use, and the thing. */
  takesIntoUse?: { step: string; thing: 'warehouse' | 'content' | 'openData' | 'schemaCopy' };
}

const procedures: Procedure[] = [
  { type: 'pixFullReplication', takesIntoUse: { step: 'swap', thing: 'warehouse' } },
  { type: 'pixFullReplication', document: { full: { method: 'inPlace' } }, takesIntoUse: { step: 'verify', thing: 'warehouse' } },
  {
    type: 'pixUndoReplication',
    arrange(replica) {
      replica.undoable = 'new';
    },
    takesIntoUse: { step: 'undo', thing: 'warehouse' },
  },
  { type: 'pixIncrementalReplication' },
  {
    type: 'pixIncrementalReplication',
    document: { incremental: { whenSchemaChanged: 'reload', whenCountsDiffer: 'reload' } },
    arrange(replica) {
      replica.tableStates.set('answers', 'changed');
      replica.differences.set('knowledge-elements', 5);
    },
  },
  { type: 'pixPrepareIncremental', arrange: (replica) => void replica.tableStates.set('answers', 'empty') },
  { type: 'pixLearningContent', takesIntoUse: { step: 'replace', thing: 'content' } },
  { type: 'pixNotification' },
  { type: 'pixSchemaCopy', takesIntoUse: { step: 'copy', thing: 'schemaCopy' } },
  { type: 'pixOpenData', takesIntoUse: { step: 'replace', thing: 'openData' } },
  { type: 'pixDumpToObjectStore' },
  { type: 'pixVerify' },
  { type: 'pixReplication', takesIntoUse: { step: 'full', thing: 'warehouse' } },
];
/** Calls that tidy up after the work: one that fails is told, and fails nothing. */
const tidying = new Set(['releaseSnapshot', 'discardBeside', 'discardIncrementalLoad', 'discardDump', 'discardInPlace']);
/** Calls that take something into use: when their answer is lost, the databases are asked, and what was done counts as done. */
const askedFor = new Set(['swapBeside', 'undoSwap', 'replaceLearningContent', 'replaceOpenData', 'copySchema']);
/** For a call without effect, "done, but the answer was lost" is the same as "failed"; of a chain's links, the swap alone tells them apart. */
const kindsOf = ({ changes, link, activity }: Call): SweptKind[] =>
  changes && (link === '' || activity === 'swapBeside') ? ['fail', 'lostAnswer', 'cancel', 'cancelLate'] : ['fail', 'cancel'];
/** In the chain, the first act of a link and what takes it into use stand for the link: its own procedure is swept alone. */
const likeOf = ({ key, link, activity }: Call): string => (link === '' || activity === 'swapBeside' ? key : link);
const mayEndWell = ({ activity }: Call, kind: SweptKind): boolean =>
  tidying.has(activity) || (kind === 'lostAnswer' && askedFor.has(activity)) || kind.startsWith('cancel');

/**
 * The whole promise of Pix in one sweep: whatever one call of a run does, readers have the former thing or the whole new one, nothing is left behind, and the
 * run says so. The calls are those of a recorded good run, so a new step is swept by itself.
 */
describe('readers have the former or the whole new copy, and the run says which, whichever call of', () => {
  let env: TestWorkflowEnvironment;
  let bench: FakeReplicaBench;
  let silent: Promise<void>;
  let speak: () => void = () => undefined;
  before(async () => {
    withoutWorkflowStacks();
    env = await startDevServer();
    bench = await openFakeReplicas(env);
    // Takes the 20 s of a heartbeat's limit: it runs beside all the others.
    silent = silentWorker();
    silent.catch(() => undefined);
  });
  after(async () => {
    speak();
    await bench.close();
    await env.teardown();
  });

  for (const [place, procedure] of procedures.entries()) {
    const { type, document, input, arrange } = procedure;
    test(`${place + 1}. ${type}`, async () => {
      let good: ReplicaState;
      const { untroubled } = await sweepEveryCall<ReplicaRun>({
        type,
        run: (trouble, act) =>
          bench.run(
            {
              type,
              ...(document ? { document } : {}),
              ...(input ? { input } : {}),
              prepare(replica, cancel) {
                arrange?.(replica);
                const met = trouble?.(cancel);
                if (met) replica.trouble(met.key, met.trouble);
              },
            },
            ({ replica, ended, progress }) => act({ fake: replica, ended, progress }),
          ),
        callsOf: ({ fake }) => fake.calls,
        ...{ likeOf, kindsOf, mayEndWell },
        good({ fake }) {
          good = fake.state();
          assert.deepEqual(good.leftovers, []);
        },
        must: (ending) => assertReplica(procedure, ending, good),
      });
      assert.deepEqual(untroubled, [], 'no trouble has met these steps');
    });
  }

  test('a worker that is heard of no more ends as a time limit that was met, and what it had begun is dropped', () => silent);

  function silentWorker(): Promise<void> {
    const until = new Promise<void>((resolve) => (speak = resolve));
    return bench.run(
      {
        ...{ type: 'pixFullReplication', document: { retries: { attemptsMax: 1 } } },
        prepare: (replica) => replica.trouble('defineBeside', { kind: 'silence', until }),
      },
      async ({ ended, replica, progress }) => {
        const { failure } = await ended;
        assert.ok(failure instanceof ApplicationFailure);
        assert.equal(failure.type, 'DeadlineExceeded');
        assert.match(failure.message, /defineBeside met its time limit \(HEARTBEAT\)/);
        assert.equal(marksOf(await progress())['define'], 'failed');
        assert.deepEqual([replica.state().warehouse, replica.state().leftovers], ['former', []]);
      },
    );
  }

  function assertReplica({ type, takesIntoUse }: Procedure, ending: Ending<ReplicaRun>, good: ReplicaState): void {
    const { run, call, report, failure, progress, own } = ending;
    const state = run.fake.state();
    const marks = marksOf(progress);
    if (failure instanceof ApplicationFailure && failure.type === 'PlatformNotRestored') return assertGoesOn(run, failure, progress);
    assert.notEqual(state.warehouse, 'halfFull', 'half full, and the failure does not say so');
    if (takesIntoUse) {
      const { step, thing } = takesIntoUse;
      assert.equal(state[thing], marks[step] === 'done' ? 'new' : 'former', `step ${step} is ${marks[step] ?? ''}`);
    }
    if (report) assert.deepEqual(withoutNames(state), withoutNames(good));
    else assert.deepEqual(state.objects, [], 'a failed run left an object');
    if (state.leftovers.length > 0) {
      assert.ok(tidying.has(call.activity), `left behind: ${state.leftovers.join(', ')}`);
      assert.ok(own.warnings.length > 0, 'something is left and nothing says so');
    }
    if (type === 'pixReplication') assertChain(call.link, run, marks, report !== null);
  }

  /** In place and emptied: the failure names the dump and the command that goes on. */
  function assertGoesOn({ fake }: ReplicaRun, failure: ApplicationFailure, progress: RunProgress): void {
    assert.equal(progress.state, 'failed');
    assert.deepEqual(
      progress.down.map(({ id }) => id),
      ['warehouse'],
    );
    assert.match(failure.message, /empty or half full .*the dump stays on the worker.*go on with: temporal workflow start .*"dumpOf"/);
    assert.deepEqual(fake.state().leftovers, ['a dump on the worker']);
  }

  /** Links before the troubled one are done, those after it never ran. */
  function assertChain(link: string, { fake }: ReplicaRun, marks: Record<string, string>, endedWell: boolean): void {
    const order = Object.keys(marks);
    const place = order.indexOf(link);
    assert.ok(place >= 0, `no step ${link}`);
    if (endedWell) return;
    const ended = order.findIndex((id) => marks[id] !== 'done');
    // A swap that was done in spite of a cancel: the chain stops at the link that follows.
    assert.ok(ended === place || ended === place + 1, `the chain stopped at ${order[ended] ?? ''}`);
    const later = order.slice(ended + 1);
    assert.deepEqual(
      later.map((id) => marks[id]),
      later.map(() => 'waiting'),
    );
    assert.deepEqual(
      fake.calls.filter((call) => later.includes(call.link)).map(({ key }) => key),
      [],
      'a later link ran',
    );
  }

  /** A dump's name is its moment. */
  function withoutNames({ objects, leftovers: _, ...rest }: ReplicaState): object {
    return { ...rest, objects: objects.length };
  }
});
