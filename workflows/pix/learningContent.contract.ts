import type { LearningContentReport } from '../../activities/lcms/learningContent.contract.ts';
import type { StepRecord } from '../runbook/runbook.contract.ts';
import type { PixReplica } from './replica.contract.ts';

export interface LearningContentInput {
  replica: string;
}

export interface LearningContentRequest {
  replica: PixReplica;
}

export interface LearningContentRunReport extends LearningContentReport {
  replica: string;
  seconds: number;
  steps: StepRecord[];
}
