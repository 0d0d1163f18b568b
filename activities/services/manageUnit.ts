import { failure } from '../failure.ts';
import type { Host } from '../hosts/host.ts';
import { createSupervisorManager } from './supervisor.ts';
import { createSystemdManager } from './systemd.ts';
import type { UnitManager } from './unitManager.ts';

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
