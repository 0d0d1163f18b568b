/** The workflows of the frame's tests: what each does is said by its plan and by the test's own activity. */
import { ActivityCancellationType, executeChild, ParentClosePolicy, proxyActivities, startChild, workflowInfo } from '@temporalio/workflow';

import { failure } from '../../../activities/failure.ts';
import { holdId, holdsQueue } from '../../../workflows/names.contract.ts';
import { alongside, lookingOn } from '../../../workflows/runbook/alongside.ts';
import { inParallel } from '../../../workflows/runbook/inParallel.ts';
import { step } from '../../../workflows/runbook/plan.ts';
import { handDown, procedure, type Procedure } from '../../../workflows/runbook/procedure.ts';
import type { Run } from '../../../workflows/runbook/run.ts';
import type { PlannedStep } from '../../../workflows/runbook/runbook.contract.ts';
import { workPool } from '../../../workflows/runbook/workPool.ts';
import type { FanOptions, Item, WatchOptions, WordsActivities, WordsRequest } from './words.contract.ts';

const { act } = proxyActivities<WordsActivities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '1 minute',
  retry: { maximumAttempts: 1 },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

function spec<Options extends object, Plan extends object>(
  type: string,
  plan: (request: WordsRequest<Options>) => Plan,
  rest: Partial<Procedure<WordsRequest<Options>, Plan>> = {},
): Procedure<WordsRequest<Options>, Plan> {
  return { type, system: 'words', plan, policy: ({ words }) => words.policy, ...rest };
}

/** Steps in an order that is not that of their names, on two levels. */
export const steps = spec(
  'wordsSteps',
  () => ({
    second: step('1. Begin', 'begin', 'begin'),
    list: [
      step('2. Middle', 'skippable', 'do what may be left out', {
        host: 'host-1',
        commands: ['type this'],
        limitSeconds: 5,
        skippable: true,
      }),
      step('2. Middle', 'stop', 'stop the thing', { unwind: 'the thing is started' }),
    ],
    first: { inner: step('3. End', 'end', 'end', { pointOfNoReturn: 'what is done is done', whenPaused: 'waits' }) },
    after: step('4. Back', 'back', 'bring the thing back', { wayBack: true }),
  }),
  {
    gates: () => ['nobody minds'],
    needsLook: 'nobody has looked at the thing',
    look: async () => ({ faults: [await act('look')], warnings: ['it is late'], facts: { rows: 7 } }),
    cancelled: ({ target }) => `${target} is as it was`,
  },
);

export async function wordsSteps(input: unknown) {
  return procedure(steps, input, async ({ plan, run }) => {
    const answers: string[] = [];
    for (const planned of [plan.second, ...plan.list, plan.first.inner])
      answers.push(
        await run.step(
          planned,
          () => act(planned.id),
          () => 'left out',
        ),
      );
    run.notNeeded(plan.after, 'nothing was taken down');
    return { answers };
  });
}

export const question = spec('wordsQuestion', () => ({ ask: step('Ask', 'ask', 'ask a person') }));

export async function wordsQuestion(input: unknown) {
  return procedure(question, input, async ({ plan, run }) => ({
    choice: await run.step(plan.ask, () =>
      run.ask({ id: 'go', text: 'Go on with the work?', choices: ['yes', 'later', 'no'], default: 'no' }),
    ),
  }));
}

const backStep = (id: string): PlannedStep =>
  step('Back', `back/${id}`, `start ${id}`, { commands: [`start-by-hand ${id}`], wayBack: true });

async function down(run: Run, { id, back }: Item): Promise<void> {
  await run.step(step('Down', `down/${id}`, `stop ${id}`), async () => {
    run.takeDown(
      { id, title: `service ${id}`, commands: [`start-by-hand ${id}`], ...(back ? { back } : {}) },
      { step: backStep(id), perform: async () => void (await act(`back/${id}`)) },
    );
    await act(`down/${id}`);
  });
}

export const takeDown = spec('wordsTakeDown', ({ items }: WordsRequest<{ items: Item[] }>) => ({
  down: items.map(({ id }) => step('Down', `down/${id}`, `stop ${id}`)),
  work: step('Work', 'work', 'work'),
  finish: step('Finish', 'finish', 'finish'),
}));

export async function wordsTakeDown(input: unknown) {
  return procedure(takeDown, input, async ({ request: { items }, plan, run }) => {
    await run.untilBack(async () => {
      for (const item of items) await down(run, item);
      await run.step(plan.work, () => act('work'));
    });
    run.completing();
    await run.step(plan.finish, () => act('finish'));
    return {};
  });
}

export const nested = spec('wordsNested', () => ({
  down: ['outer', 'inner'].map((id) => step('Down', `down/${id}`, `stop ${id}`)),
  work: step('Work', 'work', 'work'),
  between: step('Between', 'between', 'what needs the inner one back and the outer one down'),
}));

export async function wordsNested(input: unknown) {
  return procedure(nested, input, async ({ plan, run }) => {
    await run.untilBack(async () => {
      await down(run, { id: 'outer' });
      await run.untilBack(async () => {
        await down(run, { id: 'inner' });
        await run.step(plan.work, () => act('work'));
      });
      await run.step(plan.between, () => act('between'));
    });
    return {};
  });
}

export const chain = spec('wordsChain', (_: WordsRequest<{ part: string }>) => ({ part: step('Parts', 'part', 'run the part') }));

export async function wordsChain(input: unknown) {
  return procedure(chain, input, async ({ request, plan, run }) => {
    await run.step(plan.part, () =>
      executeChild(request.part, {
        workflowId: `${workflowInfo().workflowId}/part`,
        args: [handDown({ ...request, target: 'the part' })],
      }),
    );
    return {};
  });
}

export const loop = spec('wordsLoop', () => ({ down: [step('Down', 'down/thing', 'stop thing')], work: step('Work', 'work', 'work') }));

/** Works until it is ended, or until an answer is "stop". */
export async function wordsLoop(input: unknown) {
  return procedure(loop, input, async ({ plan, run, stop }) => {
    await run.untilBack(async () => {
      await down(run, { id: 'thing' });
      await run.step(plan.work, async () => {
        for (;;) if ((await act('work')) === 'stop') stop(failure('NotConfirmed', 'the work has stopped itself'));
      });
    });
    return {};
  });
}

export const pausable = spec(
  'wordsPausable',
  () => ({
    together: (['waits', 'restarts', 'yields'] as const).map((word) => step('Together', word, `a step that ${word}`, { whenPaused: word })),
    heedless: step('Together', 'heedless', 'a step that no pause concerns'),
    next: step('Next', 'next', 'the next step', { whenPaused: 'waits' }),
  }),
  { pauses: ({ words }) => words.pauses },
);

export async function wordsPausable(input: unknown) {
  return procedure(pausable, input, async ({ plan, run }) => {
    await inParallel([...plan.together, plan.heedless], 4, (planned) => run.step(planned, () => act(planned.id)));
    await run.step(plan.next, () => act('next'));
    return {};
  });
}

const number = (index: number): string => String(index + 1).padStart(4, '0');

export const many = spec('wordsMany', () => ({
  all: Array.from({ length: 1_000 }, (_, index) =>
    step('Every one', `one/${number(index)}`, `do what is to be done for number ${number(index)}`),
  ),
}));

/** Of a thousand steps the first 899 are done, the 900th runs, the 901st is held (by the policy) and the 902nd asks. */
export async function wordsMany(input: unknown) {
  return procedure(many, input, async ({ plan: { all }, run }) => {
    for (const planned of all.slice(0, 899)) await run.step(planned, async () => undefined);
    await inParallel(all.slice(899, 902), 3, (planned) =>
      run.step(planned, async () => {
        if (planned.id === 'one/0902') await run.ask({ id: 'go', text: 'Go on?', choices: ['yes', 'no'], default: 'no' });
        else await act(planned.id);
      }),
    );
    return {};
  });
}

export const fan = spec('wordsFan', (_: WordsRequest<FanOptions>) => ({}));

export async function wordsFan(input: unknown) {
  return procedure(fan, input, async ({ request: { word, items, atOnceMax, then } }) => {
    if (word === 'inParallel') return { results: await inParallel(items, atOnceMax, (item) => act(item)) };
    await workPool(items, atOnceMax, Number, async (item) => {
      await act(item);
      return then[item] ?? [];
    });
    return { results: [] };
  });
}

export const watch = spec('wordsWatch', (_: WordsRequest<WatchOptions>) => ({}));

export async function wordsWatch(input: unknown) {
  return procedure(watch, input, async ({ request: { word } }) => {
    const look = async (): Promise<void> => void (await act('look'));
    const work = (): Promise<string> => act('work');
    return { answer: await (word === 'alongside' ? alongside(look, work) : lookingOn('the work', look, work)) };
  });
}

export const leavesHold = spec('wordsLeavesHold', () => ({}), { holds: () => [] });

/** Ends before what it holds does: as a busy server has it for a while, whatever the policy of the child. */
export async function wordsLeavesHold(input: unknown) {
  return procedure(leavesHold, input, async ({ request: { things } }) => {
    for (const thing of things)
      await startChild('hold', { workflowId: holdId(thing), taskQueue: holdsQueue, parentClosePolicy: ParentClosePolicy.ABANDON });
    return {};
  });
}

export const adds = spec('wordsAdds', () => ({ first: step('One', 'first', 'the first'), last: step('Three', 'last', 'the last') }));

export async function wordsAdds(input: unknown) {
  return procedure(adds, input, async ({ plan, run }) => {
    const known = [
      step('One', 'second', 'beside its phase'),
      step('Two', 'third', 'before what follows'),
      step('One', 'first', 'is there'),
    ];
    run.addSteps(known, plan.last);
    run.addSteps([step('Four', 'end', 'at the end')]);
    for (const planned of [...known, plan.last]) await run.step(planned, async () => undefined);
    run.notNeeded(step('Four', 'end', 'at the end'), 'nothing was left');
    return {};
  });
}
