import type { ObjectStore } from '../../objectStore/objectStore.contract.ts';
import type { PostgresFacts, PostgresRef } from '../postgres.contract.ts';

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
