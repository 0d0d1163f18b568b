import type { ReplicaRun } from '../warehouse/warehouse.contract.ts';
import type { PostgresRef } from '../postgres/postgres.contract.ts';

/** A list of an open-data site: `url` answers pages { total_count, results } for ?limit= and &offset=. */
export interface OpenData {
  url: string;
  /** Rows taken at most, from the list's begin. */
  rowsMax: number;
  /** Table that holds them. */
  table: string;
}

export type OpenDataType = 'text' | 'numeric' | 'boolean' | 'jsonb';

export interface OpenDataColumn {
  name: string;
  type: string;
}

export interface OpenDataReport {
  table: string;
  rows: number;
  /** Length of the list on the site; `rows` is smaller when it is longer than `rowsMax`. */
  totalCount: number;
  columns: OpenDataColumn[];
  /** Views of other people that read the new table now. */
  rebound: string[];
  /** Indexes and triggers of the former table: they are not on the new one. */
  lost: string[];
  /** Tries that gave way to readers. */
  yielded: number;
  lockedMs: number;
}

export interface OpenDataActivities {
  /**
   * Fetches the list page by page, fills a new table by COPY and takes it into use in one transaction; grants and views of other people stay.
   * The table has no key: identifiers of the site's records are not stable. Repeatable: what the run did already is answered. Heartbeats pages and rows.
   * Fails with HttpUnreachable, HttpUnexpectedAnswer (also an empty list, and one that changed while it was read), CredentialsRejected, TargetBusy,
   * BesideNotPossible, PostgresFailed; then the former table stays in use.
   */
  replaceOpenData(input: {
    owner: ReplicaRun;
    target: PostgresRef;
    schema: string;
    openData: OpenData;
    swapLimitSeconds: number;
  }): Promise<OpenDataReport>;
  /** Counts the rows that readers see. Repeatable: reads only. Fails with ReplicaNotVerified. */
  checkOpenData(input: { target: PostgresRef; schema: string; table: string; rows: number }): Promise<void>;
  /** The report that the run's act wrote in its own transaction; null: it was not done. For when the answer was lost. Repeatable: reads only. */
  readOpenData(input: { owner: ReplicaRun; target: PostgresRef }): Promise<OpenDataReport | null>;
}
