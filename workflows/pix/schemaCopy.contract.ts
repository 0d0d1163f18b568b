import type { ComparedSchemas, CopiedSchema } from '../../activities/warehouse/schemaCopy/schemaCopy.contract.ts';
import type { RunReport } from '../runbook/runbook.contract.ts';

export type SchemaCopyFacts = CopiedSchema & ComparedSchemas;
export type SchemaCopyReport = RunReport & SchemaCopyFacts;
