import type { Finding, Freshness, QueryAnswer, ReplicaInspection, TableRows } from '../../activities/warehouse/checks/checks.contract.ts';
import type { StepRecord } from '../runbook/runbook.contract.ts';
import type { PixReplica } from './replica.contract.ts';

export interface VerifyInput {
  replica: string;
}

export interface VerifyRequest {
  replica: PixReplica;
}

/** Also the facts of ReplicaNotVerified, without the steps. */
export interface VerifyReport extends Pick<ReplicaInspection, 'othersOnTarget' | 'indexes' | 'sequences'> {
  replica: string;
  seconds: number;
  tables: TableRows[];
  freshness: Freshness[];
  queries: QueryAnswer[];
  /** Notes of a verified replica: differences that production itself explains. */
  findings: Finding[];
  steps: StepRecord[];
}
