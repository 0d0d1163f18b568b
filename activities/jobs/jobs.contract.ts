import type { HostRef } from '../hosts/hosts.contract.ts';

/** Names one job. The name is its identity on the host: a second start under the same name finds the first. */
export interface HostJob {
  host: HostRef;
  /** For example "nightshift-lab-20261121T200000Z-mongo-data-shard0"; letters, digits, dot, dash, underscore. */
  job: string;
}

/** What a job runs. It stands on command lines and in the history of the run: no secret may be in it. */
export interface JobCommand {
  /** Argument array, never a shell. */
  command: string[];
  /** User of the host who runs it; absent: whoever manages the services there. */
  runAs?: string;
  /** Absolute path; absent: "/". */
  workingDirectory?: string;
  /** Beside what the host gives to every command, HOME, USER, LOGNAME and JOB_DIRECTORY, the job's own folder. */
  environment?: Record<string, string>;
  /** Name of a file → name of the secret that it holds while the job runs, for the command's user alone. `jobSecretFile` tells its path. */
  secretFiles?: Record<string, string>;
}

/** Where a job is. */
export interface JobLook {
  /** `absent`: not known on the host: never begun, or forgotten. `lost`: gone without a result: killed, or the host was restarted. */
  state: 'running' | 'ended' | 'lost' | 'absent';
  /** Of a job that has ended; 128 + n for signal n, 71 when the command could not be begun. */
  exitCode: number | null;
  /** What the command left in `$JOB_DIRECTORY/outcome`, at most 16 KiB. */
  outcome: string;
  elapsedSeconds: number;
  /** By the line "DONE TOTAL" that the command keeps in `$JOB_DIRECTORY/progress`; 0: it tells nothing. */
  doneBytes: number;
  totalBytes: number;
  /** Size of the files that the look was asked for. */
  writtenBytes: number;
  /** The last line of the log: many tools tell their progress there. */
  line: string;
  /** The end of what the command said, at most 4,000 bytes. */
  log: string;
}

export interface JobActivities {
  /**
   * Starts a command as a named job on the host (a transient systemd unit, or a detached process), which outlives the worker and the connection.
   * Repeatable: a job of that name that runs or has ended is left as it is. What it says is kept on the host, the last 4 to 8 MiB.
   * Fails with CommandFailed when it does not begin, SecretMissing.
   */
  startJob(input: HostJob & JobCommand): Promise<void>;
  /**
   * Watches the job until it ends, at most `watchSeconds` (0: one look), heartbeating bytes and the last line, then says where it is. How it ended is data, whatever it
   * was. Repeatable: reads only. `files`: what the command writes, absolute paths, for `writtenBytes`.
   */
  watchJob(input: HostJob & { files?: string[]; watchSeconds: number }): Promise<JobLook>;
  /** Ends the job with all its processes if it runs, removes its state and the given files of its command. Heartbeats. Repeatable. Fails with CommandFailed when it does not end. */
  discardJob(input: HostJob & { files?: string[] }): Promise<void>;
  /** Forgets a job that has ended; what its command made stays. Repeatable. Fails with CommandFailed while it runs. */
  forgetJob(input: HostJob): Promise<void>;
}

/** Path on the host of a secret file of the job, for the arguments and the environment of its command. */
export function jobSecretFile({ host, job }: HostJob, name: string): string {
  return `${jobDirectory({ host, job })}/own/secrets/${name}`;
}

/** The job's folder on its host. */
export function jobDirectory({ host, job }: HostJob): string {
  return `${jobsDirectory(host)}/${job}`;
}

export function jobsDirectory({ stateDirectory }: HostRef): string {
  return `${stateDirectory.replace(/\/+$/, '')}/jobs`;
}
