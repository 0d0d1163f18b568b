import type { PostgresFacts, PostgresRef } from '../../postgres/postgres.contract.ts';
import type { RoomLimits } from '../warehouse.contract.ts';

/** One replica: a source schema copied into the same schema of the target. */
export interface BesideCopy {
  /** Name of the replica, and of the run: checkpoints of another run are never taken over. */
  replica: string;
  run: string;
  source: PostgresRef;
  target: PostgresRef;
  schema: string;
  /** Tables that are neither dumped nor replaced: mode `incremental` and `none`. */
  kept: string[];
  foreignKeys: boolean;
  /** Created when the source has the table and it is copied. `on` is what follows the table's name: "(…) WHERE …". */
  extraIndexes: ExtraIndex[];
  /** View made over a copied table when no object of its name is in the source. */
  compatibilityViews: { name: string; over: string }[];
}

export interface ExtraIndex {
  name: string;
  table: string;
  on: string;
}

export interface BesideInspection {
  source: PostgresFacts;
  target: PostgresFacts;
  tables: { name: string; estimatedRows: number; bytes: number }[];
  /** Why the copy cannot be built beside; empty when it can. The in-place mode remains. */
  obstacles: string[];
  /** Faults of either mode: rights, versions, same database, disk. */
  faults: string[];
  warnings: string[];
  /** Types that objects of other people use: they stay, the copy uses them too. */
  sharedTypes: string[];
  /** Views of other people that are bound again to the new tables in the swap. */
  rebound: string[];
}

/** A snapshot of the source, kept open by a process that survives the worker. */
export interface HeldSnapshot {
  id: string;
  backend: number;
  takenAt: string;
}

export type WorkKind = 'copy' | 'index' | 'attach' | 'foreignKey' | 'finish' | 'analyze';

/** One piece of work with its own checkpoint. `statements` are numbers in the bookkeeping schema. */
export interface WorkItem {
  id: string;
  kind: WorkKind;
  title: string;
  tables: string[];
  statements: number[];
  /** Estimate, for order and progress. */
  bytes: number;
  rows: number;
}

export interface BesidePlan {
  copies: WorkItem[];
  /** Keys and indexes of copied tables; each begins when its table's copy ended. */
  indexes: WorkItem[];
  /** Indexes of partitions joined to those of their parents: after all indexes. */
  attaches: WorkItem[];
  foreignKeys: WorkItem[];
  /** Triggers, rules, materialized views, comments …: one after the other. */
  finish: WorkItem[];
  analyze: WorkItem[];
  warnings: string[];
}

export interface CopiedTable {
  table: string;
  rows: number;
  bytes: number;
}

export interface ReplicaCheck {
  tables: { table: string; sourceRows: number; targetRows: number }[];
  sequences: number;
  indexes: number;
  constraints: number;
  differences: string[];
}

export interface SwapReport {
  swappedAt: string;
  moved: number;
  replaced: number;
  rebound: string[];
  /** Tries that gave way to readers before the one that succeeded. */
  yielded: number;
  /** Longest time that a reader can have waited for the swap, in milliseconds. */
  lockedMs: number;
}

export interface BesideProgress {
  copies: { table: string; rows: number; bytes: number }[];
  indexes: { table: string; phase: string; percent: number | null }[];
  finished: { tables: number; rows: number; bytes: number };
}

export interface BesideActivities {
  /** What stands on both sides and whether a copy beside is possible. Repeatable: reads only. */
  inspectBeside(input: { copy: BesideCopy; limits?: RoomLimits }): Promise<BesideInspection>;
  /**
   * Opens a repeatable-read snapshot of the source in a process of its own that survives the worker, in the place of one that an earlier attempt or run left.
   * The process ends by itself after `limitSeconds`, or when no session of the run was seen for `idleSeconds`.
   */
  holdSnapshot(input: { copy: BesideCopy; limitSeconds: number; idleSeconds: number }): Promise<HeldSnapshot>;
  /** Ends the snapshot's process and those of earlier runs of the replica. Repeatable. */
  releaseSnapshot(input: { copy: BesideCopy }): Promise<void>;
  /**
   * Drops the schemas `next` and `previous` and defines everything but indexes, keys and data in `next`. Repeatable: one transaction with its checkpoint.
   * Gives way to readers of yesterday's copy for `limitSeconds` (default 600), then fails with TargetBusy.
   */
  defineBeside(input: { copy: BesideCopy; snapshot: HeldSnapshot; sharedTypes: string[]; limitSeconds?: number }): Promise<BesidePlan>;
  /**
   * Copies tables by binary COPY under the snapshot, each in one transaction with its checkpoint: a table is copied once. Heartbeats rows and bytes.
   * Fails with SnapshotLost (then everything is copied again under a new one), PostgresUnreachable, PostgresFailed.
   */
  copyTables(input: { copy: BesideCopy; snapshot: HeldSnapshot; item: WorkItem }): Promise<CopiedTable[]>;
  /** Runs statements of the plan (indexes, keys, …), each in one transaction with its checkpoint. Heartbeats. */
  runStatements(input: {
    copy: BesideCopy;
    item: WorkItem;
    memoryMegabytes: number;
    workers: number;
  }): Promise<{ done: number; skipped: number }>;
  /** What is under way now, from the target's own progress views. Repeatable: reads only. */
  readBesideProgress(input: { copy: BesideCopy }): Promise<BesideProgress>;
  /** Sets every sequence as in the snapshot. Repeatable. */
  setSequences(input: { copy: BesideCopy; snapshot: HeldSnapshot }): Promise<{ sequences: number }>;
  /** Counts rows, and checks sequences, indexes, constraints. Fails with ReplicaNotVerified, telling every difference. */
  verifyBeside(input: { copy: BesideCopy; plan: { indexes: number; foreignKeys: number } }): Promise<ReplicaCheck>;
  /** Takes the copy into use in one short transaction that gives way to readers. Repeatable: a done swap of this run is answered. Fails with TargetBusy, NameTaken. */
  swapBeside(input: { copy: BesideCopy; limitSeconds: number }): Promise<SwapReport>;
  /** The swap of this run, or its undo, when it was done, else null: for when the answer was lost. Repeatable: reads only. */
  readSwap(input: { copy: BesideCopy; act: 'swap' | 'undo' }): Promise<SwapReport | null>;
  /** Puts yesterday's copy back into use. Fails with NothingToUndo. */
  undoSwap(input: { copy: BesideCopy; limitSeconds: number }): Promise<SwapReport>;
  /**
   * Drops what an ended run left in the schema `next`, and its checkpoints. Repeatable. Never touches what is in use; gives way to readers for 5 minutes, then
   * fails with TargetBusy.
   */
  discardBeside(input: { copy: BesideCopy }): Promise<void>;
}
