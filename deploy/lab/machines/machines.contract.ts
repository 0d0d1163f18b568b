/**
 * What the lab asks of "machines": hosts reached over SSH, each with a service manager that runs the given units.
 * Two kinds implement it: supervisor machines (no root) and systemd machines (root on Linux).
 */
export interface LabUnit {
  /** For example "vitam-worker" or "vitam-mongod". */
  name: string;
  kind: 'service' | 'oneshot';
  /** Program and arguments; absolute paths as seen on the machine. */
  command: string[];
  environment: Record<string, string>;
  /** How long the manager waits for it to end after TERM before it kills. */
  stopWaitSeconds: number;
  /** Exit statuses, besides 0, that count as a clean end. */
  cleanExitStatuses: number[];
}

export interface LabMachineSpec {
  name: string;
  /** Address that its services listen on: 127.0.x.y for supervisor machines, the namespace address for systemd machines. */
  address: string;
  units: LabUnit[];
}

export interface LabMachine {
  name: string;
  address: string;
  ssh: { address: string; port: number; user: string; privateKeyFile: string; hostKeyFingerprint: string; proxyCommand?: string[] };
  serviceManager: { kind: 'systemd'; sudo: boolean } | { kind: 'supervisor'; command: string; configFile: string };
  /** The machine's own disk, as a path on the machine and as the same path's place on this computer. */
  disk: { onMachine: string; here: string };
}

/** One unit of the lab as its service manager sees it. */
export interface LabService {
  machine: string;
  unit: string;
  running: boolean;
  /** The manager's own word, or why it could not be asked. */
  said: string;
}

export interface LabMachines {
  kind: 'supervisor' | 'systemd';
  /** Address that a machine will have, known before it is up. Absent: the caller chooses it. */
  addressOf?(name: string): string;
  /** Disk of a machine as a path on it, known before it is up. Absent: "/". */
  diskOf?(name: string): string;
  /** Brings every machine up, with its units known but not necessarily started. Repeatable: what is up stays up. */
  up(specs: LabMachineSpec[], say: (line: string) => void): Promise<LabMachine[]>;
  /** Ends every process that this lab started, by id, and frees what it took. Repeatable. */
  down(say: (line: string) => void): Promise<void>;
  /** Power loss of one machine, and its return with its disk. */
  powerOff(name: string): Promise<void>;
  powerOn(name: string): Promise<void>;
}
