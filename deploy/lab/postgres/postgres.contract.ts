/** 18: the wheel of deploy/setup, everywhere. 15: Debian's package, where it is installed (findDebianPostgres). */
export type PostgresVersion = '18' | '15';

export interface PostgresSetting {
  /** Of this cluster: data, log and the superuser's password lie in it. Made when absent; an existing cluster is taken as it is. */
  directory: string;
  /** Default 18. */
  version?: PostgresVersion;
  /** Default: a free one. */
  port?: number;
  /** Of postgresql.conf, over ours. */
  settings?: Record<string, string | number | boolean>;
}

export interface NewDatabase {
  name: string;
  /** Role that owns the database: no superuser, may log in. Made, or given this password. */
  owner: string;
  password: string;
}

/** A private PostgreSQL server on 127.0.0.1 with passwords (SCRAM). It ends with the process that started it, at the latest. */
export interface PostgresServer {
  directory: string;
  version: PostgresVersion;
  /** Folder with psql, pg_dump, pg_restore and pgbench of the same version. */
  programs: string;
  port: number;
  /** Folder of its UNIX socket. */
  socketDirectory: string;
  logFile: string;
  /** Holds the password of the superuser `postgres`; mode 0600. */
  passwordFile: string;
  /** Of the postmaster; null while it is down. */
  processId: () => number | null;
  /** Connection URL with password; without a user that of the superuser. Never for logs. */
  url(to?: { database?: string; user?: string; password?: string }): string;
  /** Has the database with its owner; repeatable. Returns the owner's connection URL. */
  createDatabase(wanted: NewDatabase): Promise<string>;
  /** Fast shutdown: sessions are ended, then a checkpoint. Returns when the process has gone; repeatable. */
  stop(): Promise<void>;
  /** SIGKILL to the postmaster: a crash. Its sessions end by themselves a moment later. */
  kill(): Promise<void>;
  /** Starts it on the same port, after a fast stop when it runs. */
  restart(): Promise<void>;
  /** Stops it and removes its directory. */
  remove(): Promise<void>;
}

/** For tests: nothing is forced to disk. What is committed still survives a kill of the server, as synchronous_commit stays on. */
export const withoutDurability = { fsync: 'off', full_page_writes: 'off' } as const;
