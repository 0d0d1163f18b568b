import { z } from 'zod';

import type { RunRequest } from '../runbook/runbook.contract.ts';
import type { PixReplica } from './replica.contract.ts';
import type { ReplicaDocument } from './replica.schema.ts';

/** Names a folder of the worker's work directory. */
const runId = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'the run id that the failure of the former run names');

/** Fields of the inputs of Pix's procedures, beside `replica`, `dryRun` and the fields of the replica file, which they may change for one run. */
export const pixOptions = {
  pixReplication: {
    startAt: z
      .enum(['full', 'incremental', 'learningContent', 'notification'])
      .default('full')
      .describe('the link that the chain begins at; it goes on to its end'),
  },
  pixFullReplication: {
    dumpOf: runId
      .nullable()
      .default(null)
      .describe('in place alone: restores the dump that the run of this id left, in the place of a new one'),
  },
  pixUndoReplication: {},
  pixIncrementalReplication: {},
  pixPrepareIncremental: {
    tables: z.array(z.string().min(1)).nullable().default(null).describe('exact names; absent: every incremental table'),
  },
  pixLearningContent: {},
  pixNotification: {},
  pixSchemaCopy: {},
  pixOpenData: {},
  pixDumpToObjectStore: {},
  pixVerify: {},
};

type Options<Type extends keyof typeof pixOptions> = z.ZodObject<(typeof pixOptions)[Type]>;

/** What a person writes: the replica alone is enough. */
export type PixInput<Type extends keyof typeof pixOptions> = { replica: string; dryRun?: boolean } & z.input<Options<Type>> &
  Partial<Record<keyof ReplicaDocument, unknown>>;

/** What every input of Pix becomes: validated, with the replica resolved. */
export type ReplicaRequest = RunRequest & { replica: PixReplica };

/** With the procedure's own options; what the run follows, and what stands in history. `Needs`: fields of the replica without which there is no such request. */
export type PixRequest<Type extends keyof typeof pixOptions, Needs extends keyof PixReplica = never> = ReplicaRequest & {
  replica: Required<Pick<PixReplica, Needs>>;
} & z.output<Options<Type>>;
