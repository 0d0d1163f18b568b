import type { PostgresRef } from '../postgres/postgres.contract.ts';
import type { ReplicaRun } from '../warehouse/warehouse.contract.ts';

/** The eight tables of the learning content. */
export const contentTableNames = ['areas', 'attachments', 'competences', 'tubes', 'skills', 'challenges', 'courses', 'tutorials'] as const;

export type ContentTableName = (typeof contentTableNames)[number];

export type ColumnType = 'text' | 'text[]' | 'smallint' | 'numeric' | 'numeric(6,5)' | 'boolean' | 'timestamptz';

/** Where a column has its value from. */
export type ColumnSource =
  /** The item's field of that name. */
  | { field: string }
  /** The value `fr` of the item's field `<name>_i18n`. */
  | { french: string }
  /** The item's field, or without one the French value of `<name>_i18n`. */
  | { fieldOrFrench: string }
  /** Whether the item's field is there and not empty. */
  | { hasValue: string }
  /** The item's boolean field; missing counts as false. */
  | { flag: string }
  /** An array with the item's one value; without a value an empty one. */
  | { listOf: string }
  | { constant: number | null };

export interface ContentColumn {
  name: string;
  type: ColumnType;
  notNull?: true;
  from: ColumnSource;
}

export interface ContentTable {
  name: ContentTableName;
  /** The first is `id`, the primary key. */
  columns: readonly ContentColumn[];
  /** Column that has an index of its own. */
  index?: string;
}

/** Something in the answer that cannot be loaded. */
export interface ContentFault {
  /** Null: the answer as a whole. */
  table: ContentTableName | null;
  /** Place in the table's array, from 0; null: the array as a whole. */
  index: number | null;
  /** The item's id, where it has one. */
  id: string | null;
  /** Field of the answer, for example "name_i18n.fr"; null: the item as a whole. */
  field: string | null;
  message: string;
}

export type LearningContent = Readonly<Record<ContentTableName, readonly unknown[]>>;

export type CheckedLearningContent = { content: LearningContent; faults: [] } | { content: null; faults: ContentFault[] };

export interface LearningContentReport {
  rows: Record<ContentTableName, number>;
  /** Views of other people that read the new tables now. */
  rebound: string[];
  /** How often readers went first. */
  yielded: number;
  /** How long readers could have waited, from the first lock to the last statement, ms. */
  lockedMs: number;
}

export interface LearningContentActivities {
  /**
   * Fetches the learning content and puts it into use as eight new tables in one transaction. One activity, since the answer may be larger than
   * what history takes. Repeatable: what the run did already is answered. Heartbeats table and rows.
   * Fails with HttpUnreachable, HttpUnexpectedAnswer, CredentialsRejected, LearningContentInvalid, BesideNotPossible, TargetBusy, PostgresUnreachable.
   */
  replaceLearningContent(input: {
    owner: ReplicaRun;
    target: PostgresRef;
    schema: string;
    /** `apiKey` is the name of a secret. */
    content: { url: string; apiKey: string; app: string; limitSeconds: number };
    swapLimitSeconds: number;
  }): Promise<LearningContentReport>;
  /** The report that the run's act wrote in its own transaction; null: it was not done. For when the answer was lost. Repeatable: reads only. */
  readLearningContent(input: { owner: ReplicaRun; target: PostgresRef }): Promise<LearningContentReport | null>;
}
