import type { IncrementalTableReport } from '../../activities/warehouse/incremental/incremental.contract.ts';
import type { Decision, StepRecord } from '../runbook/runbook.contract.ts';
import type { PixReplica } from './replica.contract.ts';

export interface IncrementalReplicationInput {
  replica: string;
  incremental?: Partial<PixReplica['incremental']>;
  retries?: Partial<PixReplica['retries']>;
  policy?: Partial<PixReplica['policy']>;
  guard?: Partial<PixReplica['guard']>;
}

export interface IncrementalReplicationRequest {
  replica: PixReplica;
}

export interface ReplicatedTable extends IncrementalTableReport {
  /** Rows of the target less rows of the source, up to the highest key; 0 when they agree. */
  difference: number;
  /** Why the table was loaded whole in this run; null when it was not. */
  reloaded: 'schemaChanged' | 'countsDiffer' | null;
}

export interface IncrementalReplicationReport {
  replica: string;
  beganAt: string;
  endedAt: string;
  seconds: number;
  tables: ReplicatedTable[];
  /** Appended in all tables together. */
  rows: number;
  steps: StepRecord[];
  decisions: Decision[];
  warnings: string[];
}
