import type { ReplicaCheck, SwapReport } from '../../activities/warehouse/beside/beside.contract.ts';
import type { RunReport } from '../runbook/runbook.contract.ts';

interface ReplacedFacts {
  tables: number;
  rows: number;
  bytes: number;
  check: ReplicaCheck;
  /** How to put yesterday's copy back, until the next run. */
  undo: string;
}

export interface FullReplicationFacts extends ReplacedFacts {
  method: 'beside';
  swap: SwapReport;
  /** Snapshots that were needed: more than one when the source or the worker's machine was lost on the way. */
  snapshots: number;
}

/** A replacement in place has no swap and nothing to undo. */
export interface InPlaceReplicationFacts extends ReplacedFacts {
  method: 'inPlace';
  dump: { sizeBytes: number; sha256: string; begunAt: string };
}

export type FullReplicationReport = RunReport & FullReplicationFacts;
export type InPlaceReplicationReport = RunReport & InPlaceReplicationFacts;
