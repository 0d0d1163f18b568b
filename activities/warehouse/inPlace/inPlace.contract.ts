import type { BesideCopy, BesideInspection, ReplicaCheck } from '../beside/beside.contract.ts';
import type { RoomLimits } from '../warehouse.contract.ts';

/** The same words as for a copy beside; `run` is the run whose dump is restored. */
export type InPlaceCopy = BesideCopy;

/** Both sides, and what the replacement would take from others. Its faults are those of this mode. */
export interface InPlaceInspection extends Pick<BesideInspection, 'source' | 'target' | 'tables' | 'faults' | 'warnings'> {
  /** Dumps that earlier runs of the replica left on this worker, in words. */
  keptDumps: string[];
}

export interface DumpFile {
  path: string;
  sizeBytes: number;
}

/** A dump that was read to its end; its marker lies beside it on the worker. */
export interface ProvenDump extends DumpFile {
  sha256: string;
  /** Before the dump's own snapshot. */
  begunAt: string;
  tables: number;
  rows: number;
}

export interface EmptiedTarget {
  dropped: number;
  /** Views of other people, made again after the restore. */
  views: string[];
  /** Foreign keys of tables that stay: they pointed to a replaced table and are not made again. */
  cut: string[];
}

/** What pg_restore did; null: this worker does not have the run's dump. */
export interface RestoredPart {
  /** Entries of the archive that were played. */
  items: number;
  /** Entries that stood already, from an attempt before. */
  stood: number;
  /** Errors that the rules let pass, in words. */
  warnings: string[];
}

export interface FinishedTarget {
  made: string[];
  warnings: string[];
}

export interface InPlaceProgress {
  dumpBytes: number;
  /** Of the restore. */
  itemsDone: number;
  items: number;
}

/** How the work of a run ended. */
export type InPlaceOutcome = 'replaced' | 'notReplaced';

/**
 * Dump into a file, empty the target, restore. Client tools run in a process that outlives the worker; their
 * files lie in the worker's work directory. Common failures: PostgresUnreachable, PostgresFailed, DiskSpaceInsufficient, CommandNotFound.
 */
export interface InPlaceActivities {
  /** Repeatable: reads only. */
  inspectInPlace(input: { copy: InPlaceCopy; limits?: RoomLimits }): Promise<InPlaceInspection>;
  /** Dumps the source without the kept tables, or answers the run's dump when it is there. Found again while it is under way. Heartbeats bytes. */
  dumpSource(input: { copy: InPlaceCopy; idleSeconds: number }): Promise<DumpFile>;
  /** Reads the dump to its end: rows per table, sequence positions, SHA-256; writes the marker. Repeatable. Heartbeats rows. */
  proveDump(input: { copy: InPlaceCopy }): Promise<ProvenDump>;
  /** The run's proven dump when it lies on this worker and has its checksum; null else. Repeatable. */
  findDump(input: { copy: InPlaceCopy }): Promise<ProvenDump | null>;
  /**
   * Drops what the dump brings back and what the last run brought, in one transaction; never kept tables, what they use, or what is other people's.
   * Repeatable. Fails with PreflightFailed before anything is dropped; PostgresBusy when readers hold the tables.
   */
  emptyTarget(input: { copy: InPlaceCopy }): Promise<EmptiedTarget>;
  /** Plays the definitions. Repeatable: what an attempt before left half is dropped. */
  defineInPlace(input: { copy: InPlaceCopy; idleSeconds: number }): Promise<RestoredPart | null>;
  /** Plays data, keys and indexes with `jobs` processes. Repeatable: filled tables and standing indexes are left out. Heartbeats items. */
  restoreInPlace(input: { copy: InPlaceCopy; jobs: number; memoryMegabytes: number; idleSeconds: number }): Promise<RestoredPart | null>;
  /** Compatibility views, enrichment indexes (one that is not valid is made anew), views of others, grants, statistics. Repeatable. */
  finishInPlace(input: { copy: InPlaceCopy; memoryMegabytes: number }): Promise<FinishedTarget>;
  /** Rows, indexes, keys and sequences against the archive, and the enrichment indexes. Repeatable: reads only. Fails with ReplicaNotVerified. */
  verifyInPlace(input: { copy: InPlaceCopy }): Promise<ReplicaCheck>;
  /** Files of this worker alone; null when the run has none here. Repeatable: reads only. */
  readInPlaceProgress(input: { copy: InPlaceCopy }): Promise<InPlaceProgress | null>;
  /**
   * Ends the run's tools; removes its files unless the target is half full, which the target's own mark decides. Answers where the dump lies that stays.
   * Repeatable.
   */
  discardInPlace(input: { copy: InPlaceCopy; outcome: InPlaceOutcome }): Promise<{ halfFull: boolean; dump: string | null }>;
}
