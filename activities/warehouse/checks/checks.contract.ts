import type { PostgresRef } from '../../postgres/postgres.contract.ts';

/** What is compared: a replica's schema on both sides. */
export interface ReplicaSides {
  /** Name of the replica: the bookkeeping of its swaps is read under it. */
  replica: string;
  source: PostgresRef;
  target: PostgresRef;
  schema: string;
  tables: Record<string, 'incremental' | 'none'>;
}

/** A fault fails the verification; a note is a difference that has an innocent explanation, which it tells. */
export interface Finding {
  level: 'fault' | 'note';
  /** Table, index, sequence or query. */
  subject: string;
  /** In words, with numbers. */
  what: string;
}

export interface ReplicaInspection {
  /** Tables on both sides, the largest first. `bytes` is the larger of both. */
  tables: { name: string; bytes: number }[];
  /** Tables that the target alone has and no replication brought. */
  othersOnTarget: number;
  indexes: number;
  sequences: number;
  findings: Finding[];
}

export interface TableRows {
  table: string;
  sourceRows: number;
  targetRows: number;
}

export interface RowCounts {
  tables: TableRows[];
  findings: Finding[];
}

export interface Freshness {
  table: string;
  column: string;
  hoursMax: number;
  /** ISO time; null when there is none. */
  newest: string | null;
  hours: number | null;
}

export interface CheckQuery {
  name: string;
  sql: string;
  minimumRows: number;
  /** Whether its rows may stand in the run's history; absent: their number and the names of the columns alone. */
  showRows?: boolean;
}

export interface QueryAnswer {
  name: string;
  /** Counted up to the wanted number or the shown one, whichever is more. */
  rows: number;
  minimumRows: number;
  columns: string[];
  /** The first 20 where they may be shown, else none; each value as text, cut at 200 characters. */
  answers: Record<string, string | null>[];
}

export interface CheckActivities {
  /** Tables that are missing on a side, invalid indexes and sequences behind their columns on the target. Repeatable: reads only. */
  inspectReplica(input: { sides: ReplicaSides }): Promise<ReplicaInspection>;
  /** Exact row counts of tables on both sides. Repeatable: reads only. Heartbeats the table. */
  countRows(input: { sides: ReplicaSides; tables: string[] }): Promise<RowCounts>;
  /** The newest value of a column on the target. A table or column that is not there is a finding. Repeatable: reads only. */
  checkFreshness(input: {
    sides: ReplicaSides;
    freshness: { table: string; column: string; hoursMax: number }[];
  }): Promise<{ freshness: Freshness[]; findings: Finding[] }>;
  /** Runs queries on the target in read-only transactions. One that fails is a finding. Repeatable. */
  runQueries(input: { sides: ReplicaSides; queries: CheckQuery[] }): Promise<{ answers: QueryAnswer[]; findings: Finding[] }>;
}
