import type { CopiedSchema, SchemaCopy } from '../../postgres/dumps/dumps.contract.ts';
import type { LearningContentReport } from '../../lcms/learningContent.contract.ts';
import type { OpenDataReport } from '../../openData/openData.contract.ts';
import type { PostgresRef } from '../../postgres/postgres.contract.ts';
import type { ReplacementOwner } from './owner.contract.ts';

/** For when the answer of an act that replaces something was lost: what a run put into use, as the databases know it. */
export interface ReplacementActivities {
  /** The report that the run's act wrote in its own transaction; null: it was not done. Repeatable: reads only. */
  readLearningContent(input: { owner: ReplacementOwner; target: PostgresRef }): Promise<LearningContentReport | null>;
  /** The same of the open-data table. Repeatable: reads only. */
  readOpenData(input: { owner: ReplacementOwner; target: PostgresRef }): Promise<OpenDataReport | null>;
  /**
   * The report of the run's copy when the tables of the other database are others than before it, else null. Fails with PostgresFailed where the warehouse keeps no
   * record, since its user may not make one. Repeatable: reads only.
   */
  readSchemaCopy(input: { owner: ReplacementOwner; copy: SchemaCopy }): Promise<CopiedSchema | null>;
}
