import type { ComparedSchemas, CopiedSchema } from '../../activities/warehouse/schemaCopy/schemaCopy.contract.ts';
import type { StepRecord } from '../runbook/runbook.contract.ts';
import type { PixReplica } from './replica.contract.ts';

export interface SchemaCopyInput {
  replica: string;
}

export interface SchemaCopyRequest {
  replica: PixReplica;
}

export interface SchemaCopyReport extends CopiedSchema, ComparedSchemas {
  replica: string;
  seconds: number;
  steps: StepRecord[];
  warnings: string[];
}
