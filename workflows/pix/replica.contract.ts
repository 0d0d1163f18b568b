import type { BusyBackendsSource, MetricSource, ResponseTimeSource } from '../../activities/loadGuard/loadGuard.contract.ts';
import type { BesideCopy, ExtraIndex } from '../../activities/warehouse/beside/beside.contract.ts';
import type { ObjectStore } from '../../activities/objectStore/objectStore.contract.ts';
import type { CheckQuery } from '../../activities/warehouse/checks/checks.contract.ts';
import type { PostgresRef } from '../../activities/postgres/postgres.contract.ts';
import type { RoomLimits } from '../../activities/warehouse/warehouse.contract.ts';

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
  limits: RoomLimits;
  incremental: IncrementalSettings;
  /** Absent: the step is left out of the chain. */
  learningContent?: LearningContentSettings;
  /** In this order, each once per run (PX-11). */
  notifications: WebhookSettings[];
  schemaCopy?: SchemaCopySettings;
  openData?: OpenDataSettings;
  /** For pixDumpToObjectStore. `prefix` is the name's begin (S3_OBJECT_NAME_PREFIX). */
  objectStore?: ObjectStore;
  verify: VerifySettings;
  /** Absent: nobody watches the load; a person can pause a run all the same. */
  guard?: GuardSettings;
  /** Scaled to nothing while the full replication runs. */
  containers: ContainerSettings[];
  /** PX-12: tries of a step while its cause may pass, with doubling pauses. */
  retries: { attemptsMax: number; initialSeconds: number };
  policy: { onStepFailure: 'unwind' | 'hold'; holdSeconds: number; questionSeconds: number };
}

/** `incremental`: append-only, new rows alone are copied. `none`: never copied. Both are left untouched by the full replication. */
export type TableMode = 'incremental' | 'none';

export interface FullSettings {
  /** `beside`: built next to the live copy and swapped. `inPlace`: dumped into a file, the target emptied, restored, as the seed does it. */
  method: 'beside' | 'inPlace';
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

export interface IncrementalSettings {
  /** Rows of one chunk, copied and marked in one transaction. */
  chunkRows: number;
  /** Further facts per incremental table; a table that is not named here is append-only with key `id`. */
  tables: Record<string, IncrementalTable>;
  /** When the columns of a table changed since the last run. */
  whenSchemaChanged: 'fail' | 'reload';
  /** When the counts of source and target disagree after the copy. */
  whenCountsDiffer: 'report' | 'reload';
}

export interface IncrementalTable {
  /** Ascending key of the rows. */
  key: string;
  /** Column that grows with every update; absent: updates are not looked for. */
  updatedAt?: string;
  /** Whether rows that vanished from the source are deleted. */
  deletes: boolean;
}

export interface LearningContentSettings {
  /** Of the LCMS API; the path is added (C.2.4). */
  url: string;
  /** Name of the secret that holds the key. */
  apiKey: string;
  /** Header `client`. */
  app: string;
  limitSeconds: number;
}

export interface WebhookSettings {
  /** How people call it; the URL itself is never shown. */
  name: string;
  /** Name of the secret that holds the URL. */
  url: string;
  /** Name of the secret that holds the value of the header Authorization. */
  token?: string;
}

/** C.2.8: schema-only copy at noon, into another database. */
export interface SchemaCopySettings {
  target: PostgresRef;
}

/** C.2.8: weekly open-data list. */
export interface OpenDataSettings {
  url: string;
  rowsMax: number;
  table: string;
}

/** PX-19: queries that must have rows, which are shown where `showRows` says so, and how old the newest row of a table may be. */
export interface VerifySettings {
  queries: CheckQuery[];
  freshness: { table: string; column: string; hoursMax: number }[];
}

/** PX-16: what is watched while a run works by day, and what a breach does. */
export interface GuardSettings {
  everySeconds: number;
  /** Local times "HH:MM"; the same begin and end is the whole day. */
  hours: { begin: string; end: string; zone: string };
  breach: 'pause' | 'stop' | 'tell';
  /** What a pause does to tables and indexes under way. */
  underWay: 'finish' | 'end';
  /** Rounds of readings without a breach after which the guard's pause ends. */
  goodInARow: number;
  /** Less than `full.snapshotIdleSeconds`: a paused copy keeps its snapshot. */
  pauseMaxSeconds: number;
  whenPauseEnds: 'goOn' | 'stop';
  databaseCpu: (Omit<MetricSource, 'kind' | 'limit'> & { limitPercent: number })[];
  responseTimes: (Omit<ResponseTimeSource, 'kind' | 'limit'> & { limitMilliseconds: number })[];
  busyBackends: (Omit<BusyBackendsSource, 'kind' | 'name' | 'server' | 'limit'> & { of: 'source' | 'target'; limitPerCore: number })[];
}

/** A kind of container of an application on Scalingo. */
export interface ContainerSettings {
  app: string;
  region: string;
  /** Its kind, for example "background". */
  container: string;
  /** Name of the secret that holds the API token. */
  token: string;
  /** The platform's CLI on the worker. */
  command: string;
  /** For each of scaling down and back. */
  limitSeconds: number;
}
