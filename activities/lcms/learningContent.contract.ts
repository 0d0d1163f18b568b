/** Schemas of the target: where the new tables are filled, and where yesterday's wait. */
export const contentSchemas = { workSchema: 'nightshift_content_next', previousSchema: 'nightshift_content_previous' } as const;

/** The eight tables of the learning content, in their order (pix 28). */
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

/** A value as the driver and COPY take it. Numbers may come as text; instants are ISO 8601 text with an offset. */
export type ContentValue = string | number | boolean | null | string[];

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
