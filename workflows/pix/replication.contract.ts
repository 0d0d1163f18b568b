import type { Decision, StepRecord } from '../runbook/runbook.contract.ts';
import type { FullReplicationReport, InPlaceReplicationReport } from './fullReplication.contract.ts';
import type { IncrementalReplicationReport } from './incrementalReplication.contract.ts';
import type { LearningContentRunReport } from './learningContent.contract.ts';
import type { NotificationReport } from './notification.contract.ts';
import type { PixReplica } from './replica.contract.ts';

export type ChainStep = 'full' | 'incremental' | 'learningContent' | 'notification';

export interface ReplicationInput {
  replica: string;
  /** Begins there and goes on to the end (pix 2). Default: full. */
  startAt?: ChainStep;
}

export interface ReplicationRequest {
  replica: PixReplica;
  startAt: ChainStep;
}

export interface ReplicationReport {
  replica: string;
  startAt: ChainStep;
  beganAt: string;
  endedAt: string;
  seconds: number;
  full?: FullReplicationReport | InPlaceReplicationReport;
  incremental?: IncrementalReplicationReport;
  learningContent?: LearningContentRunReport;
  notification?: NotificationReport;
  steps: StepRecord[];
  decisions: Decision[];
  warnings: string[];
}
