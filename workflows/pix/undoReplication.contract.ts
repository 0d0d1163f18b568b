import type { SwapReport } from '../../activities/warehouse/beside/beside.contract.ts';
import type { RunReport } from '../runbook/runbook.contract.ts';

export interface UndoReplicationFacts {
  swap: SwapReport;
}

export type UndoReplicationReport = RunReport & UndoReplicationFacts;
