import { z } from 'zod';

import { policyDocument } from '../../../workflows/runbook/definitions.schema.ts';
import { defineSystem } from '../../../workflows/runbook/system.schema.ts';
import type { Words } from './words.contract.ts';
import { adds, chain, fan, leavesHold, loop, many, nested, pausable, question, steps, takeDown, watch } from './words.workflow.ts';

const document = z.strictObject({
  system: z.literal('words'),
  things: z.array(z.string()).min(1, 'name at least one thing'),
  policy: policyDocument({}),
  pauses: z.strictObject({
    limitSeconds: z.number(),
    underWay: z.enum(['finish', 'end']),
    whenPauseEnds: z.enum(['goOn', 'stop']),
  }),
});

const item = z.strictObject({ id: z.string(), back: z.enum(['afterSuccess', 'never']).optional() });

/** The system of the frame's tests: one workflow for each word, or for a few that go together. */
export const words = defineSystem({
  name: 'words',
  word: 'words',
  document,
  resolve: async (_name, { things, policy, pauses }) => ({ definition: { things, policy, pauses } satisfies Words, faults: [] }),
  things: async ({ things }) => things,
  procedures: {
    wordsSteps: { options: {}, planned: steps },
    wordsQuestion: { options: {}, planned: question },
    wordsTakeDown: { options: { items: z.array(item) }, planned: takeDown },
    wordsNested: { options: {}, planned: nested },
    wordsChain: { options: { part: z.string().default('wordsSteps') }, planned: chain },
    wordsLeavesHold: { options: {}, planned: leavesHold },
    wordsLoop: { options: {}, planned: loop },
    wordsPausable: { options: {}, planned: pausable },
    wordsAdds: { options: {}, planned: adds },
    wordsMany: { options: {}, planned: many },
    wordsFan: {
      options: {
        word: z.enum(['inParallel', 'workPool']),
        items: z.array(z.string()),
        atOnceMax: z.int(),
        then: z.record(z.string(), z.array(z.string())).default({}),
      },
      planned: fan,
    },
    wordsWatch: { options: { word: z.enum(['alongside', 'lookingOn']) }, planned: watch },
  },
});
