import type { ObjectStore } from '../../objectStore/objectStore.contract.ts';
import type { PostgresFacts, PostgresRef } from '../postgres.contract.ts';
import type { ReplacementOwner } from '../../warehouse/replacements/owner.contract.ts';

/** Schema of one database played into another (pix 38). */
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

export interface DumpInspection {
  server: PostgresFacts;
  faults: string[];
}

export interface StoredDump {
  key: string;
  sizeBytes: number;
  sha256: string;
  /** CRC-32 in base64, as the store tells it. */
  crc32: string;
}

export interface StoredDumpCheck {
  /** How the store's bytes were compared: by the checksum that the store itself computed, or by reading all of them again. */
  by: 'checksum' | 'reading';
}

export interface DumpActivities {
  /** Both sides and whether the copy may be made: the target must be neither the source nor one of `others`. Repeatable: reads only. */
  inspectSchemaCopy(input: { copy: SchemaCopy; others: PostgresRef[] }): Promise<SchemaCopyInspection>;
  /**
   * Plays the schema of the source into the target in one transaction that stops at the first error. Objects of the same names are replaced, rows in
   * them are gone. Repeatable: what the run did already is answered. Fails with PostgresFailed, PostgresUnreachable; then the target is as it was.
   */
  copySchema(input: { owner: ReplacementOwner; copy: SchemaCopy }): Promise<CopiedSchema>;
  /** Compares tables and views and their columns on both sides. Repeatable: reads only. Fails with ReplicaNotVerified, telling every difference. */
  compareSchemas(input: { copy: SchemaCopy }): Promise<ComparedSchemas>;
  /**
   * The server, whether the worker's tools can dump it, and whether the key is free: two runs that begin in one second have one name.
   * Repeatable: reads only.
   */
  inspectDump(input: { server: PostgresRef; store: ObjectStore; key: string }): Promise<DumpInspection>;
  /**
   * Streams a full dump in custom format from pg_dump into the store, in flat memory and without a file. The object comes into being only when pg_dump
   * ended well and pg_restore has read the whole archive on its way. Repeatable: another attempt begins a new dump and clears the parts of the former.
   * Heartbeats bytes. Fails with PostgresFailed, PostgresUnreachable, ObjectStoreUnavailable, CredentialsRejected; then nothing is in the store.
   * `run` is written on the object; `databaseBytes` is what the server tells: the dump is smaller, and its parts are sized for it.
   */
  dumpToObjectStore(input: {
    server: PostgresRef;
    store: ObjectStore;
    key: string;
    run: string;
    databaseBytes: number;
  }): Promise<StoredDump>;
  /** Asks the store for size and checksum of the object; a store that tells none is read again. Repeatable: reads only. Fails with ChecksumMismatch. */
  checkStoredDump(input: { store: ObjectStore; dump: StoredDump }): Promise<StoredDumpCheck>;
  /** Takes away the parts and the object of a dump that failed; an object of another run stays. Repeatable. */
  discardDump(input: { store: ObjectStore; key: string; run: string }): Promise<void>;
  /** Bytes that the store has of an upload under way; null when there is none. Repeatable: reads only. */
  readDumpProgress(input: { store: ObjectStore; key: string }): Promise<{ storedBytes: number } | null>;
}
