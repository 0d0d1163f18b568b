import type { OpenDataReport } from '../../activities/openData/openData.contract.ts';
import type { StepRecord } from '../runbook/runbook.contract.ts';
import type { PixReplica } from './replica.contract.ts';

export interface OpenDataInput {
  replica: string;
}

export interface OpenDataRequest {
  replica: PixReplica;
}

export interface OpenDataRunReport extends OpenDataReport {
  replica: string;
  seconds: number;
  steps: StepRecord[];
  warnings: string[];
}
