import { failure } from '../failure.ts';
import type { Host, ResolveSecret } from '../hosts/host.ts';
import { createSupervisorManager } from './supervisor.ts';
import { createSystemdManager } from './systemd.ts';
import { createScalingoManager } from './scalingo.ts';
import type { Instances } from './services.contract.ts';
import type { UnitManager } from './unitManager.ts';

/** The service manager of the host, for one unit. Names that a manager would take for several units are refused. */
export function manageUnit(
  host: Host,
  unit: string,
  { resolveSecret, signal, instances }: { resolveSecret: ResolveSecret; signal: AbortSignal; instances?: Instances },
): UnitManager {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.@:\\-]*$/.test(unit) || unit === 'all') {
    throw failure('InvalidInput', `${JSON.stringify(unit)} is not the name of one unit`, { unit });
  }
  const { serviceManager } = host.ref;
  switch (serviceManager.kind) {
    case 'systemd':
      return createSystemdManager({ host, unit, sudo: serviceManager.sudo, signal });
    case 'supervisor':
      return createSupervisorManager({ host, unit, manager: serviceManager, signal });
    case 'scalingo':
      if (host.ref.reach.kind !== 'local') throw failure('InvalidInput', `the CLI of Scalingo runs on the worker, not on ${host.ref.name}`);
      return createScalingoManager({ kind: unit, manager: serviceManager, signal, resolveSecret, ...(instances ? { instances } : {}) });
  }
}
