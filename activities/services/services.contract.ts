import type { HostRef } from '../hosts/hosts.contract.ts';

/**
 * What a service manager says of a unit, in one vocabulary for systemd, supervisor and a container platform.
 * "failed" is a stopped service whose end was not clean by its manager's rule: after a stop of a JVM (exit 143) it is
 * normal (vitam 13), so callers say which states they accept.
 */
export type ServiceCondition = 'running' | 'stopped' | 'failed' | 'starting' | 'stopping';

export interface ServiceState {
  condition: ServiceCondition;
  /** The manager's own words, for example "active (running)", "FATAL". */
  said: string;
  /** When the present condition began, ISO 8601 UTC, when the manager knows. */
  sinceAt?: string;
  /** Process id while running. */
  processId?: number;
  /** Exit status of the main process's last end, when the manager knows. */
  exitStatus?: number;
  /** When the last run of the main process began, ISO 8601 UTC, when the manager knows (for oneshot jobs). */
  lastStartAt?: string;
  /** Of a unit that is several containers: how many are wanted, of which size. */
  instances?: Instances;
  /** Whether each asked port accepts connections on the host. */
  ports: { port: number; open: boolean }[];
}

export interface Instances {
  amount: number;
  /** The platform's word, for example "M". */
  size: string;
}

export interface UnitRef {
  host: HostRef;
  /** Unit or program name, for example "vitam-worker" or "vitam-traceability.timer". */
  unit: string;
  /** Ports that must be closed after a stop and open after a start. */
  ports: number[];
}

export interface ServiceChange {
  state: ServiceState;
  /** The service already was as asked when the activity began. */
  alreadySo: boolean;
  elapsedSeconds: number;
}

export interface ServiceActivities {
  /** State and ports of one unit. Repeatable: reads only. Fails with UnknownUnit, ServiceManagerUnavailable, HostUnreachable. */
  readServiceState(input: UnitRef): Promise<ServiceState>;

  /**
   * Asks the manager to stop the unit and waits until its state is accepted **and** its ports are closed; never kills.
   * Repeatable: a stopped unit is left alone, a stopping one is waited for. Heartbeats the state.
   * Fails with ServiceNotStopped (limit met, or a state that is not accepted), UnknownUnit. When it is cancelled it stops waiting; the unit may stop later.
   */
  stopService(input: UnitRef & { acceptedConditions: ServiceCondition[]; limitSeconds: number }): Promise<ServiceChange>;

  /**
   * Asks the manager to start the unit and waits until it runs **and** its ports are open, and has lived for a second: a start whose process dies fails.
   * Repeatable: a running unit is left alone. Heartbeats the state. Fails with ServiceNotStarted, UnknownUnit.
   * @param waitFor `ports`: answers as soon as the ports are open; for one of many in a start order, that are asked for again at its end.
   * @param instances of a unit that is several containers, as they were read before its stop. Whatever is scaled to anything but nothing runs already.
   */
  startService(input: UnitRef & { limitSeconds: number; waitFor?: 'ports'; instances?: Instances }): Promise<ServiceChange>;

  /** Starts a oneshot unit without waiting for its end (systemd timers' services). Repeatable after a look at its state. */
  triggerService(input: { host: HostRef; unit: string }): Promise<void>;
}
