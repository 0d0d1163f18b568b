import type { RunReport } from '../runbook/runbook.contract.ts';
import type { FullReplicationReport, InPlaceReplicationReport } from './fullReplication.contract.ts';
import type { IncrementalReplicationReport } from './incrementalReplication.contract.ts';
import type { PixRequest } from './inputs.schema.ts';
import type { LearningContentRunReport } from './learningContent.contract.ts';
import type { NotificationReport } from './notification.contract.ts';

export type ChainStep = PixRequest<'pixReplication'>['startAt'];

/** A link that did not run has no report. */
export interface ReplicationFacts {
  startAt: ChainStep;
  full?: FullReplicationReport | InPlaceReplicationReport;
  incremental?: IncrementalReplicationReport;
  learningContent?: LearningContentRunReport;
  notification?: NotificationReport;
}

export type ReplicationReport = RunReport & ReplicationFacts;
