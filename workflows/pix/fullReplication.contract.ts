import type { ReplicaCheck, SwapReport } from '../../activities/warehouse/beside/beside.contract.ts';
import type { PostgresFacts } from '../../activities/postgres/postgres.contract.ts';
import type { Decision, PlannedStep, StepRecord } from '../runbook/runbook.contract.ts';
import type { PixReplica } from './replica.contract.ts';

export interface FullReplicationInput {
  replica: string;
  /** Answers what would be done and touches nothing. */
  dryRun?: boolean;
  full?: Partial<PixReplica['full']>;
  retries?: Partial<PixReplica['retries']>;
  policy?: Partial<PixReplica['policy']>;
  foreignKeys?: boolean;
  guard?: Partial<PixReplica['guard']>;
  limits?: Partial<PixReplica['limits']>;
  /** For the method inPlace: restores the dump that the run of this id left, in the place of a new one. */
  dumpOf?: string;
}

export interface FullReplicationRequest {
  replica: PixReplica;
  dryRun: boolean;
  dumpOf: string | null;
}

export interface FullReplicationPlanReport {
  replica: string;
  dryRun: true;
  method: PixReplica['full']['method'];
  source: PostgresFacts;
  target: PostgresFacts;
  steps: PlannedStep[];
  tables: { name: string; mode: 'default' | 'incremental' | 'none'; estimatedRows: number; bytes: number }[];
  /** What would refuse the run. */
  faults: string[];
  warnings: string[];
}

export interface FullReplicationReport {
  replica: string;
  method: 'beside';
  beganAt: string;
  endedAt: string;
  seconds: number;
  tables: number;
  rows: number;
  bytes: number;
  check: ReplicaCheck;
  swap: SwapReport;
  /** How to put yesterday's copy back, until the next run. */
  undo: string;
  /** Snapshots that were needed: more than one when the source or the worker's machine was lost on the way. */
  snapshots: number;
  steps: StepRecord[];
  decisions: Decision[];
  warnings: string[];
}

/** A replacement in place has no swap and nothing to undo. */
export interface InPlaceReplicationReport extends Omit<FullReplicationReport, 'method' | 'swap' | 'snapshots'> {
  method: 'inPlace';
  dump: { sizeBytes: number; sha256: string; begunAt: string };
}
