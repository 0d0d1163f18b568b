import type { PostgresFacts, PostgresRef } from '../../postgres/postgres.contract.ts';

/** Tables of one replica that are carried on by their new rows, and left alone by the full replication. */
export interface IncrementalCopy {
  /** Name of the replica, and of the run that the counts of the report belong to. */
  replica: string;
  run: string;
  source: PostgresRef;
  target: PostgresRef;
  schema: string;
  tables: IncrementalTableSetting[];
  /** Rows of one chunk at most: copied and marked in one transaction. */
  chunkRows: number;
}

export interface IncrementalTableSetting {
  name: string;
  /** Ascending key of the rows: one column, unique, never null, of a type whose order does not depend on a collation. */
  key: string;
  /** Column that changes with every update; null: updates are not looked for. */
  updatedAt: string | null;
  /** Whether rows that vanished from the source are deleted on the target. */
  deletes: boolean;
  /** Indexes that the warehouse has and the source has not. `on` is what follows the table's name. */
  extraIndexes: { name: string; on: string }[];
}

export interface IncrementalInspection {
  source: PostgresFacts;
  target: PostgresFacts;
  tables: InspectedTable[];
  /** What forbids the copy whatever the policies say, all at once. */
  faults: string[];
}

export interface InspectedTable {
  name: string;
  /** `changed`: the columns are not those of the last run, or not those of the target. */
  state: 'ready' | 'absent' | 'empty' | 'changed';
  /** In words, for `changed`. */
  differences: string[];
  estimatedRows: number;
}

export interface TableCounts {
  source: number;
  target: number;
}

/** What the run did to one table; sums over all attempts, from the checkpoints themselves. */
export interface IncrementalTableReport {
  table: string;
  /** Rows appended: counted as they came, not a difference of keys. */
  rows: number;
  chunks: number;
  /** Highest key before and after; null for a table without rows. */
  keyBefore: string | null;
  keyAfter: string | null;
  /** Rows below the highest key that were not there yet: committed late on the source. */
  lateRows: number;
  updates: number;
  deletes: number;
  /**
   * How the rows below the highest key were looked at: those of young transactions alone, or every range of keys; of whole rows after a failover or a
   * move of the source.
   */
  comparedBy: 'transactions' | 'ranges';
  /** Rows up to `keyAfter` on both sides, the source's in the snapshot that was copied. */
  counts: TableCounts;
  seconds: number;
}

export interface LoadedTable extends IncrementalTableReport {
  indexes: number;
  /** Views, materialized views and routines that were bound to the new table. */
  rebound: string[];
}

export interface IncrementalProgress {
  /** Committed in this run, and of the chunk under way. */
  tables: { table: string; rows: number; chunks: number; rowsUnderWay: number }[];
}

export interface IncrementalActivities {
  /** What stands on both sides, for every table before any is copied. Repeatable: reads only. */
  inspectIncremental(input: { copy: IncrementalCopy }): Promise<IncrementalInspection>;
  /**
   * Brings one table up to the source: rows that committed late, updates and deletes as declared, then new rows in chunks, each with its checkpoint in one
   * transaction. Repeatable: goes on after the last chunk. Heartbeats table, phase, rows. Fails with IncrementalTableEmpty, SchemaChanged, PostgresUnreachable,
   * PostgresBusy (another session copies the same table, or the source is a standby that lags behind the last run), PostgresFailed.
   */
  copyIncremental(input: { copy: IncrementalCopy; table: string }): Promise<IncrementalTableReport>;
  /**
   * Loads one table whole beside the one in use, with its keys and indexes, and takes it into use in one short transaction. Repeatable within a run: goes on
   * after the last chunk. Heartbeats. Fails with BesideNotPossible (other people's objects hang on the table), TargetBusy, ReplicaNotVerified.
   */
  loadIncremental(input: {
    copy: IncrementalCopy;
    table: string;
    swapLimitSeconds: number;
    indexMemoryMegabytes: number;
  }): Promise<LoadedTable>;
  /** Drops what an ended run left of whole loads. Repeatable. Never touches what is in use. */
  discardIncrementalLoad(input: { copy: IncrementalCopy }): Promise<void>;
  /** Drops every foreign key that leads out of the tables on the target; answers "table.name". Repeatable. */
  dropIncrementalForeignKeys(input: { copy: IncrementalCopy }): Promise<string[]>;
  /** Writes down columns and highest key of tables that the target has and no run has recorded. Repeatable. Answers their names. */
  recordIncremental(input: { copy: IncrementalCopy }): Promise<string[]>;
  /** Rows per table of this run so far. Repeatable: reads only. */
  readIncrementalProgress(input: { copy: IncrementalCopy }): Promise<IncrementalProgress>;
}
