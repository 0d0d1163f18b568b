import type { LoadedTable } from '../../activities/warehouse/incremental/incremental.contract.ts';
import type { RunReport } from '../runbook/runbook.contract.ts';

export interface PrepareIncrementalFacts {
  loaded: LoadedTable[];
  /** Tables that had rows and the right columns already. */
  alreadyLoaded: string[];
  /** "table.name" of each. */
  foreignKeysDropped: string[];
  /** Tables whose columns and highest key were written down for the first time. */
  recorded: string[];
}

export type PrepareIncrementalReport = RunReport & PrepareIncrementalFacts;
