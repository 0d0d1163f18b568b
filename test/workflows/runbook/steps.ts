import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { WorkflowUpdateFailedError } from '@temporalio/client';

import { failsWith } from '../../support/failures.ts';
import { doneEnd, failedEnd } from './procedure.ts';
import { failing, type Act, type WordsBench, type WordsRun } from './wordsBench.ts';

/** An update that is refused, in words that name the remedy. */
export async function refused(update: Promise<unknown>, ...said: (string | RegExp)[]): Promise<void> {
  await assert.rejects(update, (error) => {
    assert.ok(error instanceof WorkflowUpdateFailedError, String(error));
    return failsWith('InvalidInput', ...said)(error.cause);
  });
}

export function stepTests(bench: () => WordsBench): void {
  const held = async (step: string, act: Act, policy: object = {}): Promise<WordsRun> => {
    const run = await bench().start('wordsSteps', { policy: { onStepFailure: 'hold', ...policy } }, { [step]: act });
    await run.until(`${step} is held`, (progress) => progress.held.some((each) => each.step === step));
    return run;
  };

  describe('step', { concurrency: 8 }, () => {
    test('a held step says so, and runs again when a person says so', async () => {
      const run = await held('stop', failing(1));
      const { attention, steps, held: now } = await run.progress();
      assert.equal(attention, 'hold');
      assert.equal(steps.find(({ id }) => id === 'stop')?.state, 'held');
      assert.equal(now[0]?.skippable, false);
      assert.match(now[0].failure, /^InvalidInput: a trouble made by the test/);
      assert.match(await run.details(), /\*\*Held\*\* `stop` until .*: InvalidInput: a trouble made by the test/);
      await refused(run.update('retryStep', { step: 'stop' }), 'by: say who decides');
      await refused(run.update('retryStep', { step: 'begin', by: 'marie' }), 'step: "begin" is not held; held now: stop');
      await refused(run.update('retryStep', { by: 'marie' }), 'step: say which held step to try again');
      assert.equal(await run.update('retryStep', { step: 'stop', by: 'marie', why: 'it is mended' }), 'trying stop again');
      const { decisions, steps: ended } = await doneEnd(run);
      assert.deepEqual(
        decisions.map(({ at: _, ...rest }) => rest),
        [{ subject: 'stop the thing', choice: 'retryStep', by: 'marie', why: 'it is mended' }],
      );
      const record = ended.find(({ id }) => id === 'stop');
      assert.deepEqual([record?.state, record?.attempts, record?.note], ['done', 2, undefined]);
      assert.equal((await run.progress()).attention, 'none');
      assert.ok((await run.handle.fetchHistory()).events?.every(({ workflowExecutionUpdateRejectedEventAttributes: no }) => !no));
    });

    test('a held step is skipped only where that is safe, with a reason', async () => {
      const run = await held('skippable', failing());
      assert.match(await run.details(), /updates: retryStep, skipStep, abort/);
      await refused(run.update('skipStep', { step: 'skippable', by: 'marie' }), 'why: say why it is safe');
      await refused(run.update('skipStep', { step: 'skippable', by: 'marie', why: ' ' }), 'why: say why it is safe');
      await run.update('skipStep', { step: 'skippable', by: 'marie', why: 'done by hand' });
      const { answers, warnings, steps } = await doneEnd(run);
      assert.deepEqual(answers, ['begin', 'left out', 'stop', 'end']);
      assert.match(warnings.join(), /do what may be left out: skipped by marie: done by hand \(InvalidInput: a trouble/);
      assert.equal(steps.find(({ id }) => id === 'skippable')?.state, 'skipped');

      const fixed = await held('begin', failing(1));
      await refused(fixed.update('skipStep', { step: 'begin', by: 'marie', why: 'no need' }), '"begin" cannot be skipped safely');
      await fixed.update('retryStep', { step: 'begin', by: 'marie' });
      await doneEnd(fixed);
    });

    test('an abort of a held step ends the run, and says who and why', async () => {
      const run = await held('stop', failing());
      await refused(run.update('abort', { why: 'tomorrow' }), 'by: say who decides');
      await run.update('abort', { by: 'marie', why: 'tomorrow' });
      await failedEnd(
        run,
        'StepAborted',
        /aborted by marie: tomorrow; the step had failed: a trouble made by the test\. Remedy: an operator [^.]*\.$/,
      );
      const { steps, held: now, decisions } = await run.progress();
      assert.deepEqual(now, []);
      assert.equal(steps.find(({ id }) => id === 'stop')?.state, 'failed');
      assert.ok(decisions.some(({ choice, by, why }) => choice === 'abort' && by === 'marie' && why === 'tomorrow'));
    });

    test('a hold that nobody answers ends at its deadline with the failure of the step', async () => {
      const run = await held('stop', failing(), { holdSeconds: 1 });
      await failedEnd(run, 'InvalidInput', 'a trouble made by the test');
      const { decisions } = await run.progress();
      assert.deepEqual(
        decisions.map(({ at: _, ...rest }) => rest),
        [{ subject: 'stop the thing', choice: 'unwind', by: 'nobody answered within 1 s' }],
      );
    });

    test('steps that only the work makes known stand where they belong; none has two places', async () => {
      const { steps } = await doneEnd(await bench().start('wordsAdds'));
      assert.deepEqual(
        steps.map(({ id, title, state }) => [id, title, state]),
        [
          ['first', 'the first', 'done'],
          ['second', 'beside its phase', 'done'],
          ['third', 'before what follows', 'done'],
          ['last', 'the last', 'done'],
          ['end', 'at the end', 'notNeeded'],
        ],
      );
    });

    test('a question is answered by a person, who is recorded', async () => {
      const run = await bench().start('wordsQuestion');
      const { questions, attention } = await run.until('it asks', (progress) => progress.questions.length === 1);
      assert.equal(attention, 'question');
      assert.deepEqual([questions[0]?.choices, questions[0]?.default], [['yes', 'later', 'no'], 'no']);
      assert.match(
        await run.details(),
        /\*\*Question\*\* `go`: Go on with the work\?\n> answer yes \| later \| no; at .* the default is taken: no/,
      );
      await refused(run.update('answer', { question: 'go', choice: 'yes' }), 'by: say who decides');
      await refused(run.update('answer', { question: 'stop', choice: 'yes', by: 'marie' }), '"stop" is not open; open: go');
      await refused(run.update('answer', { question: 'go', choice: 'perhaps', by: 'marie' }), 'choice: one of yes, later, no');
      assert.equal(await run.update('answer', { question: 'go', choice: 'later', by: 'marie', why: 'lunch' }), 'go: later');
      const { choice, decisions } = await doneEnd(run);
      assert.equal(choice, 'later');
      assert.deepEqual(
        decisions.map(({ at: _, ...rest }) => rest),
        [{ subject: 'Go on with the work?', choice: 'later', by: 'marie', why: 'lunch' }],
      );
    });

    test('a question that nobody answers takes its default at the deadline, and says so', async () => {
      const run = await bench().start('wordsQuestion', { policy: { questionSeconds: 1 } });
      const { choice, decisions } = await doneEnd(run);
      assert.equal(choice, 'no');
      assert.equal(decisions[0]?.by, 'nobody answered within 1 s: the default');
    });
  });
}
