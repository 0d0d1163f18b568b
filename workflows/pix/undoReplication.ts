import { workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import { patient } from '../runbook/profiles.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import { besideCopyOf } from './besideCopy.ts';
import { unlessSwapped } from './doneSwap.ts';
import { runPixProcedure } from './runPixProcedure.ts';
import type { UndoReplicationInput, UndoReplicationReport, UndoReplicationRequest } from './undoReplication.contract.ts';

const undo: PlannedStep = {
  id: 'undo',
  title: 'put the former copy back into use in one transaction',
  phase: '1. Undo',
  commands: ['ALTER … SET SCHEMA, both ways'],
  skippable: false,
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
export async function pixUndoReplication(input: UndoReplicationInput): Promise<UndoReplicationReport> {
  return runPixProcedure<UndoReplicationRequest, UndoReplicationReport>(
    'pixUndoReplication',
    input,
    [undo],
    async ({ replica }, runbook) => {
      const { swapLimitSeconds: limitSeconds, method } = replica.full;
      if (method === 'inPlace')
        throw failure('NothingToUndo', `replica ${replica.name} is replaced in place (full.method), which leaves no former copy`);
      const copy = besideCopyOf(replica, workflowInfo().runId);
      const swap = await runbook.step(undo, async (record) => {
        const done = await patient(`put the former copy of ${replica.name} back into use`, limitSeconds)
          .undoSwap({ copy, limitSeconds })
          .catch((error: unknown) => unlessSwapped(copy, 'undo', runbook, error));
        record.note = `${done.moved} objects in ${done.lockedMs} ms`;
        return done;
      });
      return { replica: replica.name, swap };
    },
    { cancelled: 'nothing is changed' },
  );
}
