import type { HostRef, SshReach } from '../hosts/hosts.contract.ts';

export interface DirectoryMeasure {
  path: string;
  sizeBytes: number;
  files: number;
}

export interface DiskSpace {
  path: string;
  freeBytes: number;
  totalBytes: number;
  /** Device number of the file system, to tell a separate disk from the same one. */
  device: string;
}

/** A finished archive: a zstd-compressed tar of a directory, as it lies on its host. */
export interface Archive {
  host: string;
  file: string;
  sizeBytes: number;
  sha256: string;
  sourceBytes: number;
  elapsedSeconds: number;
}

/** Names one copy. The job name is its identity on the host: a second start under the same name finds the first. */
export interface ArchiveJob {
  host: HostRef;
  /** For example "nightshift-lab-20261121T200000Z-mongo-data-shard0"; letters, digits, dot, dash, underscore. */
  job: string;
  /** Directory whose content is archived (paths inside the archive are relative to it). */
  source: string;
  /** Final absolute path, for example "/backup/20261121T200000Z/mongo-data/shard0.tar.zst". Written as `<target>.part` first. */
  target: string;
  /** zstd level. */
  level: number;
  /** Files below `source` that must be there and empty, before and after: mongod's clean-stop proof (["mongod.lock"]). */
  mustBeEmpty: string[];
}

export type ArchiveProgress =
  | { state: 'running'; sourceBytes: number; sourceTotalBytes: number; writtenBytes: number; elapsedSeconds: number }
  | { state: 'done'; archive: Archive };

/** One copy of a directory, as a job of that name on the host that has it (jobs.contract.ts: discardJob, forgetJob). */
export interface TreeCopy {
  host: HostRef;
  job: string;
  source: string;
  /** Becomes as the source is, what the source does not have is deleted: so it must be new, empty, or an earlier copy of ours (it carries `.nightshift-copy`). */
  target: string;
  /** An earlier copy beside the target: what has not changed is linked to it, not sent. Need not be there. */
  earlier?: string;
  /** How the proof afterwards compares: size and time of change, or every byte of both. */
  compare: 'times' | 'checksums';
  /** The target lies on another machine, which the host reaches so; host keys are pinned, as OpenSSH fingerprints. */
  over?: Omit<SshReach, 'kind' | 'proxyCommand'>;
}

export interface TreeCopied {
  /** Regular files of the source, and their bytes. */
  files: number;
  bytes: number;
  sentFiles: number;
  sentBytes: number;
  deleted: number;
  elapsedSeconds: number;
}

export type TreeCopyProgress =
  { state: 'running'; sentBytes: number; totalBytes: number; elapsedSeconds: number } | { state: 'done'; copied: TreeCopied };

export interface FileActivities {
  /** Bytes and files below a directory. Repeatable: reads only. */
  measureDirectory(input: { host: HostRef; path: string }): Promise<DirectoryMeasure>;
  /** Free space of the file system that holds `path` (or its nearest existing parent). Repeatable: reads only. */
  readDiskSpace(input: { host: HostRef; path: string }): Promise<DiskSpace>;
  /** Makes the directory and its parents, and proves that a file can be written there. Repeatable. */
  ensureDirectory(input: { host: HostRef; path: string }): Promise<void>;
  /** Names (not paths) directly below a directory; empty when the directory is absent. Repeatable: reads only. */
  listDirectory(input: { host: HostRef; path: string }): Promise<string[]>;
  /** Every file below `path` that ends in ".part", and every job whose name begins with `jobPrefix`. Repeatable: reads only. */
  findUnfinishedArchives(input: { host: HostRef; path: string; jobPrefix: string }): Promise<{ partialFiles: string[]; jobs: string[] }>;

  /** Text of a small file (at most 1 MiB); undefined when absent. Repeatable: reads only. */
  readTextFile(input: { host: HostRef; path: string }): Promise<string | null>;
  /** When a small file last changed, by the host's clock, and its first line (at most 200 characters); null when absent. Repeatable: reads only. */
  readFileState(input: { host: HostRef; path: string }): Promise<{ changedAt: string; firstLine: string } | null>;
  /** Size and sha256 of one file, read whole. Heartbeats. Repeatable: reads only. */
  readChecksum(input: { host: HostRef; path: string }): Promise<{ sizeBytes: number; sha256: string }>;
  /** Writes through a temporary name, syncs, renames. With `ifAbsent` an existing file is kept and `written` is false: a lock on the host. */
  writeTextFile(input: { host: HostRef; path: string; text: string; ifAbsent?: boolean }): Promise<{ written: boolean }>;
  /** Removes files and directory trees; what is absent counts as removed. Each path must lie below `below`, else InvalidInput. */
  removePaths(input: { host: HostRef; below: string; paths: string[] }): Promise<void>;

  /**
   * Starts the copy as a job on the host (jobs.contract.ts). Repeatable: a job of that name that runs or is done is left as it is, and a file at `target`
   * that it has not made. tar | zstd with the sha256 of the same pass, `.part` then sync and rename.
   */
  startArchive(input: ArchiveJob): Promise<void>;
  /**
   * Watches the job for at most `watchSeconds`, heartbeating bytes, then returns where it is. Repeatable: reads only.
   * Fails with ArchiveFailed (exit status and end of its log; also when the job is gone without a result: host restarted),
   * SourceRanDuringCopy (a file below the source changed during the copy or `mustBeEmpty` is not).
   */
  watchArchive(input: ArchiveJob & { watchSeconds: number }): Promise<ArchiveProgress>;
  /** Stops the job if it runs, waits for its end, removes `<target>.part` and the job's state. With `removeTarget` the finished file too. Repeatable. */
  discardArchive(input: ArchiveJob & { removeTarget: boolean }): Promise<void>;
  /** Forgets a finished job on the host; its archive stays. Repeatable. */
  forgetArchiveJob(input: ArchiveJob): Promise<void>;
  /** Starts a copy of a directory with rsync. Repeatable: a job of that name that runs or has ended is left as it is. Fails with SecretMissing. */
  startTreeCopy(input: TreeCopy): Promise<void>;
  /**
   * Watches the copy for at most `watchSeconds`, heartbeating bytes, then says where it is. Repeatable: reads only. Done is only what a second look found the same.
   * Fails with InvalidInput (the target is somebody else's), SourceRanDuringCopy (they differ afterwards), HostKeyChanged, CredentialsRejected, CommandFailed.
   */
  watchTreeCopy(input: TreeCopy & { watchSeconds: number }): Promise<TreeCopyProgress>;

  /** Reads the archive again and compares sha256 and size with the record. Heartbeats. Fails with ChecksumMismatch. */
  verifyArchive(input: { host: HostRef; archive: Archive }): Promise<void>;
  /** Unpacks an archive into an empty directory, checking its sha256 in the same pass. Heartbeats. Fails with ChecksumMismatch, DiskSpaceInsufficient. */
  unpackArchive(input: { host: HostRef; archive: Archive; directory: string }): Promise<DirectoryMeasure>;
}
