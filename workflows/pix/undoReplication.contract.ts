import type { SwapReport } from '../../activities/warehouse/beside/beside.contract.ts';
import type { PixReplica } from './replica.contract.ts';

export interface UndoReplicationInput {
  replica: string;
}

export interface UndoReplicationRequest {
  replica: PixReplica;
}

export interface UndoReplicationReport {
  replica: string;
  swap: SwapReport;
}
