/** A PostgreSQL database, by reference: nothing in it is secret. */
export interface PostgresRef {
  /** How people call it, for example "source". */
  name: string;
  /** Name of the secret that holds the connection URL (postgres://user:password@host:port/database). */
  url: string;
}

export interface PostgresFacts {
  /** For example "15.20". */
  version: string;
  /** server_version_num, for example 150020. */
  versionNumber: number;
  database: string;
  user: string;
  superuser: boolean;
  /** Same for two references that lead to the same database, whatever their URLs say. */
  identity: string;
  sizeBytes: number;
  inRecovery: boolean;
}
