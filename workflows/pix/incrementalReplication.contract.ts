import type { IncrementalTableReport } from '../../activities/warehouse/incremental/incremental.contract.ts';
import type { RunReport } from '../runbook/runbook.contract.ts';

export interface ReplicatedTable extends IncrementalTableReport {
  /** Rows of the target less rows of the source, up to the highest key; 0 when they agree. */
  difference: number;
  /** Why the table was loaded whole in this run; null when it was not. */
  reloaded: 'schemaChanged' | 'countsDiffer' | null;
}

export interface IncrementalReplicationFacts {
  tables: ReplicatedTable[];
  /** Appended in all tables together. */
  rows: number;
}

export type IncrementalReplicationReport = RunReport & IncrementalReplicationFacts;
