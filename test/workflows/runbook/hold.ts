import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ApplicationFailure } from '@temporalio/common';

import { holdId, holdsQueue } from '../../../workflows/names.contract.ts';
import { failsWith } from '../../support/failures.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { cancelledEnd, doneEnd, failedEnd } from './procedure.ts';
import { failing, gate, type WordsBench, type WordsRun } from './wordsBench.ts';

export function holdTests(bench: () => WordsBench): void {
  let count = 0;
  const newThing = (): string => `host/192.0.2.${(count += 1)}:22`;
  /** A run that holds these things until it is let go. */
  const holding = async (...things: string[]): Promise<{ run: WordsRun; letGo: () => void }> => {
    const standing = gate();
    const run = await bench().start('wordsSteps', { things }, { begin: standing.wait });
    await run.called('begin');
    return { run, letGo: standing.open };
  };
  const describeHold = (thing: string) => bench().env.client.workflow.getHandle(holdId(thing)).describe();

  describe('hold', { concurrency: 8 }, () => {
    test('a run that shares a thing with another one is refused by name, and keeps nothing', async () => {
      const [own, shared, others] = [newThing(), newThing(), newThing()];
      const { run, letGo } = await holding(shared, own);
      assert.equal((await describeHold(own)).parentExecution?.workflowId, run.id);
      const second = await bench().start('wordsSteps', { things: [others, shared] });
      await failedEnd(second, 'AlreadyRunning', `${shared} is held by run "${run.id}", begun 2`, 'Remedy: wait for the run');
      assert.ok(!second.calls.includes('begin'), 'it has done something');
      letGo();
      await doneEnd(run);
      await doneEnd(await bench().start('wordsSteps', { things: [others, shared, own] }));
    });

    test('runs that want several things at the same moment never wait for each other: one does its work', async () => {
      const things = Array.from({ length: 5 }, newThing);
      const runs = await Promise.all(
        Array.from({ length: 4 }, (_, index) => bench().start('wordsSteps', { things: index % 2 === 0 ? things : things.toReversed() })),
      );
      const ends = await Promise.all(runs.map(({ ended }) => ended));
      const causes = ends.flatMap((end) => ('cause' in end ? [end.cause] : []));
      assert.ok(causes.length < 4, 'none could work');
      for (const cause of causes) failsWith('AlreadyRunning')(cause);
    });

    const endings: Record<string, (run: WordsRun, letGo: () => void) => Promise<unknown>> = {
      'has done its work': async (run, letGo) => {
        letGo();
        return doneEnd(run);
      },
      'was cancelled': async (run) => {
        await run.handle.cancel();
        return cancelledEnd(run);
      },
      'was terminated': async (run) => run.handle.terminate(),
    };
    for (const [how, end] of Object.entries(endings))
      test(`nothing is held any more once the run ${how}`, async () => {
        const thing = newThing();
        const { run, letGo } = await holding(thing);
        await end(run, letGo);
        await doneEnd(await bench().start('wordsSteps', { things: [thing] }));
      });

    test('nothing is held any more once the run failed', async () => {
      const thing = newThing();
      await failedEnd(await bench().start('wordsSteps', { things: [thing] }, { begin: failing() }), 'InvalidInput');
      await doneEnd(await bench().start('wordsSteps', { things: [thing] }));
    });

    test('a cancelled run holds until everything is back', async () => {
      const thing = newThing();
      const coming = gate();
      const run = await bench().start(
        'wordsTakeDown',
        { things: [thing], items: [{ id: 'a' }] },
        { work: gate().wait, 'back/a': coming.wait },
      );
      await run.called('work');
      await run.handle.cancel();
      await run.called('back/a');
      await failedEnd(await bench().start('wordsSteps', { things: [thing] }), 'AlreadyRunning', run.id);
      coming.open();
      await cancelledEnd(run);
    });

    test('a run goes on to a good end when somebody terminates its hold', async () => {
      const thing = newThing();
      const { run, letGo } = await holding(thing);
      await bench().env.client.workflow.getHandle(holdId(thing)).terminate('by mistake');
      await waitUntil('the run has been told', async () => {
        const { events } = await run.handle.fetchHistory();
        return events?.some(({ childWorkflowExecutionTerminatedEventAttributes: told }) => told) ?? false;
      });
      letGo();
      assert.deepEqual((await doneEnd(run))['answers'], ['begin', 'skippable', 'stop', 'end']);
    });

    for (const what of ['it is released', 'the run is cancelled'] as const)
      test(`a thing that a run has left and that the server is about to release is waited for, until ${what}`, async () => {
        const thing = newThing();
        await doneEnd(await bench().start('wordsLeavesHold', { things: [thing] }));
        const run = await bench().start('wordsSteps', { things: [thing] });
        await run.called(`describeRun ${holdId(thing)}`, 3);
        assert.equal(await run.status(), 'RUNNING');
        const left = bench().env.client.workflow.getHandle(holdId(thing));
        if (what === 'it is released') {
          await left.terminate();
          await doneEnd(run);
          return;
        }
        await run.handle.cancel();
        await cancelledEnd(run);
        assert.ok(!run.calls.includes('begin'));
        await left.terminate();
      });

    test('a thing that somebody holds by hand is refused as well', async () => {
      const thing = newThing();
      const byHand = await bench().env.client.workflow.start('hold', { workflowId: holdId(thing), taskQueue: holdsQueue });
      await failedEnd(await bench().start('wordsSteps', { things: [thing] }), 'AlreadyRunning', `${thing} is held by run "unknown"`);
      await byHand.terminate();
      await doneEnd(await bench().start('wordsSteps', { things: [thing] }));
    });

    test('a part stands under what the run above it holds, and reads no definition', async () => {
      const thing = newThing();
      const standing = gate();
      const run = await bench().start('wordsChain', { things: [thing] }, { begin: standing.wait });
      await run.called('begin');
      const part = bench().env.client.workflow.getHandle(`${run.id}/part`);
      assert.equal((await describeHold(thing)).parentExecution?.workflowId, run.id);
      standing.open();
      await doneEnd(run);
      assert.deepEqual(run.calls, ['readRequest wordsChain', 'begin', 'skippable', 'stop', 'end']);
      assert.equal((await part.query<{ target: string }>('report')).target, 'the part');
      const { events } = await part.fetchHistory();
      assert.ok(!events?.some(({ startChildWorkflowExecutionInitiatedEventAttributes: child }) => child), 'the part holds something');
    });

    test('an input from outside that looks like one from above is read as any other, and refused', async () => {
      const request = { dryRun: false, target: 'words', things: [], words: { things: [], policy: {}, pauses: {} } };
      for (const handedDown of [{ by: 'somebody', request }, { request }, { by: null, request }]) {
        const run = await bench().start('wordsSteps', { handedDown });
        const ended = await run.ended;
        assert.ok('cause' in ended && ended.cause instanceof ApplicationFailure, `${JSON.stringify(handedDown)} was taken`);
        failsWith('InvalidInput', 'handedDown', 'unknown field')(ended.cause);
        assert.deepEqual(run.calls, ['readRequest wordsSteps']);
      }
    });
  });
}
