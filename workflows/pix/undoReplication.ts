import { workflowInfo } from '@temporalio/workflow';

import { readableFailure } from '../runbook/failures.ts';
import { holdPlatform } from '../runbook/holdPlatform.ts';
import { patient } from '../runbook/profiles.ts';
import { readInput } from '../runbook/readInput.ts';
import { besideCopyOf } from './besideCopy.ts';
import type { UndoReplicationInput, UndoReplicationReport, UndoReplicationRequest } from './undoReplication.contract.ts';

/**
 * Puts yesterday's copy of the warehouse back into use: one short transaction.
 *
 * Runbook   none upstream: the seed has no way back. Our own, from the schema that the last swap left.
 * Downtime  none.
 * Needs     the former copy, which stays until the next full replication.
 * On error  nothing is changed.
 * To stop   cancel.
 */
export async function pixUndoReplication(input: UndoReplicationInput): Promise<UndoReplicationReport> {
  const { replica } = await readInput<UndoReplicationRequest>('pixUndoReplication', input);
  const release = await holdPlatform('pix', replica.name);
  try {
    const { swapLimitSeconds } = replica.full;
    const copy = besideCopyOf(replica, workflowInfo().runId);
    const swap = await patient(`put the former copy of ${replica.name} back into use`, swapLimitSeconds).undoSwap({
      copy,
      limitSeconds: swapLimitSeconds,
    });
    return { replica: replica.name, swap };
  } catch (error) {
    throw readableFailure(error);
  } finally {
    await release();
  }
}
