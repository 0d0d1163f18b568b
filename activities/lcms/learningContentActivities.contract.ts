import type { PostgresRef } from '../postgres/postgres.contract.ts';
import type { ReplacementOwner } from '../warehouse/replacements/owner.contract.ts';
import type { LearningContentReport } from './learningContent.contract.ts';

export interface LearningContentActivities {
  /**
   * Fetches the learning content and puts it into use as eight new tables in one transaction. One activity, since the answer may be larger than
   * what history takes. Repeatable: what the run did already is answered. Heartbeats table and rows.
   * Fails with HttpUnreachable, HttpUnexpectedAnswer, CredentialsRejected, LearningContentInvalid, BesideNotPossible, TargetBusy, PostgresUnreachable.
   */
  replaceLearningContent(input: {
    owner: ReplacementOwner;
    target: PostgresRef;
    schema: string;
    /** `apiKey` is the name of a secret. */
    content: { url: string; apiKey: string; app: string; limitSeconds: number };
    swapLimitSeconds: number;
  }): Promise<LearningContentReport>;
}
