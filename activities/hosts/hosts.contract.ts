/**
 * A machine and how to reach it. Resolved from the platform file when a run begins and carried in every activity input,
 * so a file that changes during the night does not change the run. Holds names of secrets, never secrets.
 */
export interface HostRef {
  /** Name in the platform file, for example "mongo-1". */
  name: string;
  /** Address on which the services of the host listen, seen from the host itself. */
  address: string;
  reach: LocalReach | SshReach;
  serviceManager: ServiceManager;
  /** Absolute path on the host where named jobs leave their logs and, without systemd, their state. */
  stateDirectory: string;
}

export interface LocalReach {
  kind: 'local';
}

export interface SshReach {
  kind: 'ssh';
  address: string;
  port: number;
  user: string;
  /** Name of the secret that holds the private key (OpenSSH format, no passphrase). */
  privateKey: string;
  /** Pinned host keys, as OpenSSH fingerprints ("SHA256:…"). Any other key is refused before anything else happens. */
  hostKeys: string[];
  /** Command (argument array, never a shell) whose stdin and stdout are the connection, as OpenSSH's ProxyCommand. */
  proxyCommand?: string[];
}

export type ServiceManager =
  | { kind: 'systemd'; /** Prefix systemctl and systemd-run with `sudo -n`. */ sudo: boolean }
  | {
      kind: 'supervisor';
      /** Path of supervisorctl on the host. */ command: string;
      /** Path of its configuration file. */ configFile: string;
    }
  | {
      /** An application on Scalingo: its units are its kinds of containers, scaled by the platform's CLI on this host, which must be the worker's own. */
      kind: 'scalingo';
      /** The CLI, for example "scalingo". */ command: string;
      region: string;
      app: string;
      /** Name of the secret that holds the API token. */ token: string;
    };

export interface HostCheck {
  host: string;
  /** How far the host's clock is ahead of the worker's, in milliseconds; half of the round trip is taken off. */
  clockSkewMs: number;
  roundTripMs: number;
  /** Commands of the request that are not on the host's PATH. */
  missingCommands: string[];
}

export interface HostActivities {
  /**
   * Reaches the host, reads its clock, looks for commands. Repeatable: reads only.
   * Fails with HostUnreachable (retried), HostKeyChanged, CredentialsRejected, SecretMissing.
   */
  checkHost(input: { host: HostRef; commands: string[] }): Promise<HostCheck>;
  /** Ids of the processes whose command line matches an extended regular expression (pgrep -f); empty when none does. Repeatable: reads only. */
  findProcesses(input: { host: HostRef; pattern: string }): Promise<number[]>;
  /** Runs a command that the platform file names (argument array) and waits for its end; cancellation ends it. Heartbeats. Fails with CommandFailed, CommandNotFound. */
  runHostCommand(input: { host: HostRef; command: string[]; limitSeconds: number }): Promise<{ exitCode: number; elapsedSeconds: number }>;
}
