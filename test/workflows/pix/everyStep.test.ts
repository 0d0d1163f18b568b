import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';

import type { RunProgress } from '../../../workflows/runbook/runbook.contract.ts';
import type { ReplicaCall, ReplicaState } from '../../support/fakeReplica.contract.ts';
import type { FakeReplica } from '../../support/fakeReplica.ts';
import { isCancelled, marksOf, openFakeReplicas, type FakeReplicaBench, type FakeReplicaRun } from '../../support/fakeReplicaBench.ts';
import { startDevServer, withoutWorkflowStacks } from '../../support/temporalServer.ts';

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
type Kind = 'fail' | 'timeOut' | 'cancel' | 'cancelLate';
/** For a call without effect, "done, but the answer was lost" is the same as "failed"; of a chain's links, the swap alone tells them apart. */
const kindsOf = ({ changes, link, activity }: ReplicaCall): Kind[] =>
  changes && (link === '' || activity === 'swapBeside') ? ['fail', 'timeOut', 'cancel', 'cancelLate'] : ['fail', 'cancel'];
const atOnceMax = 6;

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

  const optionsOf = (
    { type, document, input, arrange }: Procedure,
    prepare?: (replica: FakeReplica, cancel: () => Promise<unknown>) => void,
  ) => ({
    type,
    ...(document ? { document } : {}),
    ...(input ? { input } : {}),
    prepare: (replica: FakeReplica, cancel: () => Promise<unknown>) => {
      arrange?.(replica);
      prepare?.(replica, cancel);
    },
  });

  for (const [place, procedure] of procedures.entries())
    test(`${place + 1}. ${procedure.type}`, async () => {
      const good = await bench.run(optionsOf(procedure), async (run) => {
        const { failure } = await run.ended;
        assert.equal(failure, null, `the run without trouble fails: ${failure?.message ?? ''}`);
        assert.deepEqual(run.replica.violations, []);
        return { calls: run.replica.calls, state: run.replica.state(), steps: marksOf(await run.progress()) };
      });
      assert.deepEqual(good.state.leftovers, []);
      // In the chain, the first act of a link and what takes it into use stand for the link: its own procedure is swept alone.
      const seen = new Set<string>();
      const calls = good.calls.filter(({ key, link, activity }) => {
        const kind = link === '' || activity === 'swapBeside' ? key : link;
        return seen.has(kind) ? false : seen.add(kind);
      });
      const troubled = new Set<string>();
      const wrong: string[] = [];
      const cases = calls.flatMap((call) => kindsOf(call).map((kind) => ({ call, kind })));
      const waiting = [...cases];
      const lane = async (): Promise<void> => {
        for (let next = waiting.shift(); next; next = waiting.shift()) {
          const { call, kind } = next;
          try {
            await bench.run(
              optionsOf(procedure, (replica, cancel) =>
                replica.trouble(call.key, kind === 'fail' || kind === 'timeOut' ? { kind, times: 1 } : { kind, cancel }),
              ),
              async (run) => {
                for (const step of await judge(procedure, call, kind, run, good.state)) troubled.add(step);
              },
            );
          } catch (error) {
            wrong.push(`${kind} at ${call.link} ${call.key}: ${error instanceof Error ? error.message : String(error)}`);
          }
        }
      };
      await Promise.all(Array.from({ length: atOnceMax }, lane));
      assert.deepEqual(wrong, [], `${wrong.length} of ${cases.length} runs`);
      const done = Object.entries(good.steps).flatMap(([id, state]) => (state === 'done' ? [id] : []));
      assert.deepEqual(
        done.filter((id) => !troubled.has(id)),
        [],
        'no trouble has met these steps',
      );
      console.log(`# ${procedure.type}: ${calls.length} calls, ${cases.length} runs`);
    });

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

  /** @returns the steps that the run marks as failed or stopped. */
  async function judge(
    { type, takesIntoUse }: Procedure,
    { link, activity }: ReplicaCall,
    kind: Kind,
    run: FakeReplicaRun,
    good: ReplicaState,
  ): Promise<string[]> {
    const { report, failure } = await run.ended;
    const state = run.replica.state();
    const progress = await run.progress();
    const own = link === '' ? progress : await run.progress(link);
    const marks = marksOf(progress);
    assert.deepEqual(run.replica.violations, []);
    assert.deepEqual(run.replica.unmet(), [], 'the trouble was never met');

    if (failure instanceof ApplicationFailure && failure.type === 'PlatformNotRestored') {
      assertGoesOn(run, failure, progress);
      return Object.entries(marks).flatMap(([id, mark]) => (mark === 'failed' || mark === 'stopped' ? [id] : []));
    }
    assert.notEqual(state.warehouse, 'halfFull', 'half full, and the failure does not say so');

    // How it ended, and what the marks say of it.
    const troubled = Object.entries(marks).flatMap(([id, mark]) => (mark === 'failed' || mark === 'stopped' ? [id] : []));
    for (const each of [progress, own]) assertSettled(each);
    if (report) {
      assert.equal(progress.state, 'done');
      assert.ok(
        tidying.has(activity) || (kind === 'timeOut' && askedFor.has(activity)) || kind.startsWith('cancel'),
        'a run with a failed step ended well',
      );
      assert.deepEqual(troubled, [], 'a run that ended well has steps that did not');
    } else if (kind === 'fail' || kind === 'timeOut') {
      assert.ok(failure instanceof ApplicationFailure, `ended with ${String(failure)}`);
      assert.equal(progress.state, 'failed');
      assert.equal(marksOf(own) && Object.values(marksOf(own)).includes('failed'), true, 'no step is marked as failed');
      assert.match(failure.message, kind === 'fail' ? /trouble made by the test/ : /time/);
    } else {
      assert.ok(isCancelled(failure), `ended with ${String(failure)}`);
      assert.equal(progress.state, 'cancelled');
    }

    // What is in use, and what is left.
    if (takesIntoUse) {
      const { step, thing } = takesIntoUse;
      assert.equal(state[thing], marks[step] === 'done' ? 'new' : 'former', `step ${step} is ${marks[step] ?? ''}`);
    }
    if (report) assert.deepEqual(withoutNames(state), withoutNames(good));
    else assert.deepEqual(state.objects, [], 'a failed run left an object');
    if (state.leftovers.length > 0) {
      assert.ok(tidying.has(activity), `left behind: ${state.leftovers.join(', ')}`);
      assert.ok(own.warnings.length > 0, 'something is left and nothing says so');
    }

    if (type === 'pixReplication') assertChain(link, run, marks, report !== null);
    return troubled;
  }

  /** In place and emptied: the failure names the dump and the command that goes on. */
  function assertGoesOn({ replica }: FakeReplicaRun, failure: ApplicationFailure, progress: RunProgress): void {
    assertSettled(progress);
    assert.equal(progress.state, 'failed');
    assert.deepEqual(
      progress.down.map(({ id }) => id),
      ['warehouse'],
    );
    assert.match(failure.message, /empty or half full .*the dump stays on the worker.*go on with: temporal workflow start .*"dumpOf"/);
    assert.deepEqual(replica.state().leftovers, ['a dump on the worker']);
  }

  function assertSettled({ steps, held, questions }: RunProgress): void {
    const open = steps.filter(({ state }) => state === 'running' || state === 'held').map(({ id }) => id);
    assert.deepEqual([open, held, questions], [[], [], []], 'an ended run has open steps');
  }

  /** Links before the troubled one are done, those after it never ran. */
  function assertChain(link: string, { replica }: FakeReplicaRun, marks: Record<string, string>, endedWell: boolean): void {
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
      replica.calls.filter((call) => later.includes(call.link)).map(({ key }) => key),
      [],
      'a later link ran',
    );
  }

  /** A dump's name is its moment. */
  function withoutNames({ objects, leftovers: _, ...rest }: ReplicaState): object {
    return { ...rest, objects: objects.length };
  }
});
