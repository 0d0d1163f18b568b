import { failure } from '../failure.ts';
import type { Host } from '../hosts/host.ts';
import type { ServiceState } from './services.contract.ts';
import { createSupervisorManager } from './supervisor.ts';
import { createSystemdManager } from './systemd.ts';

export type UnitReading = Omit<ServiceState, 'ports'>;

/** What both service managers can do with one unit. None of it waits for the unit to be so, except where the manager itself does. */
export interface UnitManager {
  read(): Promise<UnitReading>;
  stop(limitSeconds: number): Promise<void>;
  start(limitSeconds: number): Promise<void>;
  trigger(): Promise<void>;
  /** The end of the unit's log, for messages; empty when it cannot be had. */
  lastWords(): Promise<string>;
}

/** The service manager of the host, for one unit. Names that a manager would take for several units are refused. */
export function manageUnit(host: Host, unit: string, signal: AbortSignal): UnitManager {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.@:\\-]*$/.test(unit) || unit === 'all') {
    throw failure('InvalidInput', `${JSON.stringify(unit)} is no name of one unit`, { unit });
  }
  const { serviceManager } = host.ref;
  switch (serviceManager.kind) {
    case 'systemd':
      return createSystemdManager({ host, unit, sudo: serviceManager.sudo, signal });
    case 'supervisor':
      return createSupervisorManager({ host, unit, manager: serviceManager, signal });
  }
}
