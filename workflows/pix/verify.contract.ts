import type { Finding, Freshness, QueryAnswer, ReplicaInspection, TableRows } from '../../activities/warehouse/checks/checks.contract.ts';
import type { RunReport } from '../runbook/runbook.contract.ts';

/** Also the facts of ReplicaNotVerified. */
export interface VerifyFacts extends Pick<ReplicaInspection, 'othersOnTarget' | 'indexes' | 'sequences'> {
  tables: TableRows[];
  freshness: Freshness[];
  queries: QueryAnswer[];
  /** Notes of a verified replica: differences that production itself explains. */
  findings: Finding[];
}

export type VerifyReport = RunReport & VerifyFacts;
