import type { LoadedTable } from '../../activities/warehouse/incremental/incremental.contract.ts';
import type { Decision, StepRecord } from '../runbook/runbook.contract.ts';
import type { IncrementalReplicationInput } from './incrementalReplication.contract.ts';
import type { PixReplica } from './replica.contract.ts';

export interface PrepareIncrementalInput extends IncrementalReplicationInput {
  /** Exact names; default: every incremental table. */
  tables?: string[];
}

export interface PrepareIncrementalRequest {
  replica: PixReplica;
  tables: string[] | null;
}

export interface PrepareIncrementalReport {
  replica: string;
  beganAt: string;
  endedAt: string;
  seconds: number;
  loaded: LoadedTable[];
  /** Tables that had rows and the right columns already. */
  alreadyLoaded: string[];
  /** "table.name" of each. */
  foreignKeysDropped: string[];
  /** Tables whose columns and highest key were written down for the first time. */
  recorded: string[];
  steps: StepRecord[];
  decisions: Decision[];
  warnings: string[];
}
