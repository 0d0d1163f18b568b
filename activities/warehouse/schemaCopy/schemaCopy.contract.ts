import type { PostgresFacts, PostgresRef } from '../../postgres/postgres.contract.ts';
import type { ReplicaRun } from '../warehouse.contract.ts';

/** Schema of one database played into another. */
export interface SchemaCopy {
  source: PostgresRef;
  target: PostgresRef;
}

export interface SchemaCopyInspection {
  source: PostgresFacts;
  target: PostgresFacts;
  /** Why the copy must not be made; empty when it may. */
  faults: string[];
}

export interface CopiedSchema {
  /** Entries of the archive that were played. */
  entries: number;
  /** Entries that were not played, in words: extensions that the target has already, and comments on extensions. */
  leftOut: string[];
}

export interface ComparedSchemas {
  tables: number;
  /** Tables that only the target has: of other people, or of an earlier copy. They were not touched. */
  extra: string[];
}

export interface SchemaCopyActivities {
  /** Both sides and whether the copy may be made: the target must be neither the source nor one of `others`. Repeatable: reads only. */
  inspectSchemaCopy(input: { copy: SchemaCopy; others: PostgresRef[] }): Promise<SchemaCopyInspection>;
  /**
   * Plays the schema of the source into the target in one transaction that stops at the first error. Objects of the same names are replaced, rows in
   * them are gone. Repeatable: what the run did already is answered. Fails with PostgresFailed, PostgresUnreachable; then the target is as it was.
   */
  copySchema(input: { owner: ReplicaRun; copy: SchemaCopy }): Promise<CopiedSchema>;
  /** Compares tables and views and their columns on both sides. Repeatable: reads only. Fails with ReplicaNotVerified, telling every difference. */
  compareSchemas(input: { copy: SchemaCopy }): Promise<ComparedSchemas>;
  /**
   * The report of the run's copy when the tables of the other database are others than before it, else null: for when the answer was lost. Fails with
   * PostgresFailed where the warehouse keeps no record, since its user may not make one. Repeatable: reads only.
   */
  readSchemaCopy(input: { owner: ReplicaRun; copy: SchemaCopy }): Promise<CopiedSchema | null>;
}
