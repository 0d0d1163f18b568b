import type { HostRef } from '../hosts/hosts.contract.ts';

export interface ObjectStore {
  /** Absent: the provider's own endpoint for the region. */
  endpoint?: string;
  region: string;
  bucket: string;
  /** Key prefix without slashes at either end. */
  prefix: string;
  /** Names of secrets. Absent: the worker's own identity. */
  accessKeyId?: string;
  secretAccessKey?: string;
  pathStyle: boolean;
}

export interface StoredObject {
  key: string;
  sizeBytes: number;
  sha256: string;
  elapsedSeconds: number;
}

export interface ObjectStoreActivities {
  /** Bucket reachable with these credentials. Repeatable: reads only. Fails with ObjectStoreUnavailable, CredentialsRejected. */
  checkObjectStore(input: { store: ObjectStore }): Promise<void>;
  /**
   * Streams a file of a host into the store (multipart, flat memory), computing sha256 on the way, then asks the store for its size.
   * Repeatable: an object that already has this size and recorded sha256 is left. A failed upload leaves no parts. Heartbeats bytes. Fails with ChecksumMismatch, ObjectStoreUnavailable.
   */
  putObject(input: {
    store: ObjectStore;
    key: string;
    host: HostRef;
    file: string;
    sizeBytes: number;
    sha256: string;
  }): Promise<StoredObject>;
  /** Keys below a prefix. Repeatable: reads only. */
  listObjects(input: { store: ObjectStore; prefix: string }): Promise<{ key: string; sizeBytes: number }[]>;
  /** Deletes the keys; absent ones count as deleted. */
  deleteObjects(input: { store: ObjectStore; keys: string[] }): Promise<void>;
}
