import { CancellationScope } from '@temporalio/workflow';

import type { BesideCopy, SwapReport } from '../../activities/warehouse/beside/beside.contract.ts';
import { describeFailure } from '../runbook/failures.ts';
import { probe } from '../runbook/profiles.ts';
import type { Run } from '../runbook/run.ts';
import type { RunPolicy, RunRequest } from '../runbook/runbook.contract.ts';
import type { ReplicaRequest } from './inputs.schema.ts';
import type { PixReplica } from './replica.contract.ts';

/** What the procedures of a replica have in common. */
export const ofReplica = {
  system: 'pix',
  policy: ({ replica }: ReplicaRequest): RunPolicy => replica.policy,
  /** The warehouse alone: the database behind it is changed by pixSchemaCopy and by nothing else. */
  holds: ({ things }: RunRequest): string[] => things.slice(0, 1),
};

/** The copy that a replica asks for, in the words of the capability. */
export function besideCopyOf(replica: PixReplica, run: string): BesideCopy {
  return {
    replica: replica.name,
    run,
    source: replica.source,
    target: replica.target,
    schema: replica.schema,
    kept: Object.keys(replica.tables).sort(),
    foreignKeys: replica.foreignKeys,
    extraIndexes: replica.full.enrichment.filter(({ table }) => !(table in replica.tables)),
    compatibilityViews: replica.full.compatibilityViews,
  };
}

/**
 * An act that takes something into use may have done so although its answer was lost (time-out, cancel, a connection cut at its end): the database knows, and the
 * run must not say otherwise. Throws `error` when it was not done, or when that cannot be read; then a warning begins with `doubt`.
 */
export async function unlessDone<Report>(
  error: unknown,
  run: Run,
  { read, doubt }: { read: () => Promise<Report | null>; doubt: string },
): Promise<Report> {
  return CancellationScope.nonCancellable(async () => {
    try {
      const done = await read();
      if (done !== null) return done;
    } catch (unread) {
      run.warn(`${doubt}: ${describeFailure(unread).message}`);
    }
    throw error;
  });
}

/** The swap or undo whose answer was lost, when it was done; else throws `error`. */
export async function unlessSwapped(copy: BesideCopy, act: 'swap' | 'undo', run: Run, error: unknown): Promise<SwapReport> {
  return unlessDone(error, run, {
    read: () => probe(`was the ${act} done?`).readSwap({ copy, act }),
    doubt: `it is not known which copy is in use on the ${copy.target.name}: the ${act} gave no answer`,
  });
}
