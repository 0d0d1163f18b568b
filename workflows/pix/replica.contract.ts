import type { BesideCopy, ExtraIndex } from '../../activities/postgres/beside/beside.contract.ts';
import type { PostgresRef } from '../../activities/postgres/postgres.contract.ts';

/** A replica: a warehouse that is made anew from a production database every night (systems.md part C). Read from a file; nothing in it is secret. */
export interface PixReplica {
  name: string;
  title: string;
  source: PostgresRef;
  target: PostgresRef;
  schema: string;
  /** Tables that are not copied whole; every other table is (C.2.2, modes). */
  tables: Record<string, TableMode>;
  /** Foreign keys among the copied tables (PX-06). */
  foreignKeys: boolean;
  full: FullSettings;
  /** PX-12: tries of a step while its cause may pass, with doubling pauses. */
  retries: { attemptsMax: number; initialSeconds: number };
  policy: { onStepFailure: 'unwind' | 'hold'; holdSeconds: number; questionSeconds: number };
}

/** `incremental`: append-only, new rows alone are copied. `none`: never copied. Both are left untouched by the full replication. */
export type TableMode = 'incremental' | 'none';

export interface FullSettings {
  /** `beside`: built next to the live copy and swapped. */
  method: 'beside';
  /** Tables, indexes and keys under way at a time. */
  atOnceMax: number;
  /** maintenance_work_mem of one index build, megabytes. */
  indexMemoryMegabytes: number;
  /** Further processes that one index build may use. */
  indexWorkers: number;
  /** How long the swap may look for a moment in which it harms no reader. */
  swapLimitSeconds: number;
  /** How long the source's snapshot may be held, and how long without a worker. */
  snapshotLimitSeconds: number;
  snapshotIdleSeconds: number;
  /** How often the copy may begin again under a new snapshot when the former was lost. */
  snapshotsMax: number;
  enrichment: ExtraIndex[];
  compatibilityViews: BesideCopy['compatibilityViews'];
}
