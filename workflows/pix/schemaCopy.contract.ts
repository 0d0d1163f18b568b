import type { ComparedSchemas, CopiedSchema } from '../../activities/postgres/dumps/dumps.contract.ts';
import type { RunReport } from '../runbook/runbook.contract.ts';

export type SchemaCopyFacts = CopiedSchema & ComparedSchemas;
export type SchemaCopyReport = RunReport & SchemaCopyFacts;
