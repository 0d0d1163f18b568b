import { workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import { step } from '../runbook/plan.ts';
import { procedure, type Procedure } from '../runbook/procedure.ts';
import { patient } from '../runbook/profiles.ts';
import type { PlanReport } from '../runbook/runbook.contract.ts';
import type { PixInput, PixRequest } from './inputs.schema.ts';
import { besideCopyOf, ofReplica, unlessSwapped } from './ofReplica.ts';
import type { UndoReplicationFacts, UndoReplicationReport } from './undoReplication.contract.ts';

const plan = {
  undo: step('1. Undo', 'undo', 'put the former copy back into use in one transaction', { commands: ['ALTER … SET SCHEMA, both ways'] }),
};

export const undoReplication: Procedure<PixRequest<'pixUndoReplication'>, typeof plan> = {
  ...ofReplica,
  type: 'pixUndoReplication',
  plan: () => plan,
  gates: ({ replica: { full } }) => [
    full.method === 'inPlace'
      ? 'refuses: a replication in place (full.method) leaves no former copy'
      : 'refuses when there is no former copy: it stays from one full replication to the next, and comes back once',
  ],
  cancelled: 'nothing is changed',
};

/**
 * Puts yesterday's copy of the warehouse back into use: one short transaction.
 *
 * Runbook   none upstream: the seed has no way back. Our own, from the schema that the last swap left.
 * Downtime  none.
 * Needs     the former copy, which stays until the next full replication. A replication in place leaves none.
 * On error  nothing is changed.
 * To stop   cancel.
 */
export async function pixUndoReplication(input: PixInput<'pixUndoReplication'>): Promise<UndoReplicationReport | PlanReport> {
  return procedure(undoReplication, input, async ({ request: { replica }, run }): Promise<UndoReplicationFacts> => {
    const { swapLimitSeconds: limitSeconds, method } = replica.full;
    if (method === 'inPlace')
      throw failure('NothingToUndo', `replica ${replica.name} is replaced in place (full.method), which leaves no former copy`);
    const copy = besideCopyOf(replica, workflowInfo().runId);
    const swap = await run.step(plan.undo, async (record) => {
      const done = await patient(`put the former copy of ${replica.name} back into use`, limitSeconds)
        .undoSwap({ copy, limitSeconds })
        .catch((error: unknown) => unlessSwapped(copy, 'undo', run, error));
      record.note = `${done.moved} objects in ${done.lockedMs} ms`;
      return done;
    });
    return { swap };
  });
}
