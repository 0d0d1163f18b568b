import type { CategoryTimes, ItemCategory } from './replicationTimes.contract.ts';

export type RunStatus =
  'COMPLETED' | 'RUNNING' | 'FAILED' | 'CANCELLED' | 'TERMINATED' | 'TIMED_OUT' | 'CONTINUED_AS_NEW' | 'PAUSED' | 'UNKNOWN';

/** One activity of a run, as its history tells it. Its time counts its tries and their pauses. */
export interface RecordedActivity {
  activity: string;
  /** First argument, decoded. */
  input: unknown;
  beganMs: number;
  /** Null: under way. */
  endedMs: number | null;
  completed: boolean;
}

/** A run of ours and its children, as the server holds them. */
export interface RecordedRun {
  workflowId: string;
  runId: string;
  type: string;
  status: RunStatus;
  beganMs: number;
  /** Null: it goes on. */
  endedMs: number | null;
  activities: RecordedActivity[];
  children: RecordedRun[];
}

export interface OwnCategoryTimes extends CategoryTimes {
  /** Time in which at least one item of the category was under way. */
  wallMs: number;
}

export interface OwnStepTimes {
  /** What follows the chain's id in that of the child; of a run that is no chain, its type. */
  step: string;
  workflowId: string;
  status: RunStatus;
  beganAt: string;
  endedAt: string | null;
  /** Of a step that goes on: up to now. */
  wallMs: number;
  /** Of its activities: may be longer than the step. */
  sumMs: number;
}

/** One run of ours in the categories of the old tool's log (pix 37). What is not known is null. Instants are ISO 8601 UTC. */
export interface OwnRunTimes {
  workflowId: string;
  runId: string;
  type: string;
  status: RunStatus;
  complete: boolean;
  /** Phases and steps that did not end, or were not begun as far as is known. */
  missing: string[];
  beganAt: string;
  endedAt: string | null;
  /** Of the whole run; of one that goes on, up to now. */
  wallMs: number;
  /** `beside` holds a snapshot where the old tool made a dump; its extra indexes are built among the others. Null: no full replication in the run. */
  method: 'beside' | 'inPlace' | null;
  /** Snapshot and definitions, or the dump. */
  backupMs: number | null;
  /** From data to swap, or the restore. */
  replicationMs: number | null;
  /** Extra indexes; null also when they were built together with others in one item. `beside`: a part of the replication's time. */
  enrichmentMs: number | null;
  /** Of the full replication. */
  totalMs: number | null;
  categories: Record<ItemCategory, OwnCategoryTimes>;
  steps: OwnStepTimes[];
}
