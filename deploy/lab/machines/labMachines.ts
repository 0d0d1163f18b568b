import { tool } from '../../setup/tools.ts';
import type { LabMachines } from './machines.contract.ts';
import { createSupervisorMachines } from './supervisorMachines.ts';
import { createSystemdMachines } from './systemdMachines.ts';

/** Machines of the wanted kind for a lab in `directory`. Throws, when they are first brought up, where this computer cannot have them. */
export async function labMachines(kind: LabMachines['kind'], directory: string, say?: (line: string) => void): Promise<LabMachines> {
  if (kind === 'systemd') return createSystemdMachines({ directory });
  return createSupervisorMachines({ directory, supervisorDirectory: await tool('supervisor', say) });
}
