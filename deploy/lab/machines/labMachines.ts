import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { tool } from '../../setup/tools.ts';
import type { LabMachines } from './machines.contract.ts';
import { createSupervisorMachines } from './supervisorMachines.ts';

const systemdModule = new URL('./systemdMachines.ts', import.meta.url);

/** Machines of the wanted kind for a lab in `directory`. Throws when this computer cannot have them. */
export async function labMachines(kind: LabMachines['kind'], directory: string, say?: (line: string) => void): Promise<LabMachines> {
  if (kind === 'supervisor') return createSupervisorMachines({ directory, supervisorDirectory: await tool('supervisor', say) });
  if (!existsSync(fileURLToPath(systemdModule))) throw new Error('machines with systemd are not in this version; use --machines supervisor');
  const { createSystemdMachines } = (await import(systemdModule.href)) as { createSystemdMachines(options: { directory: string }): LabMachines };
  return createSystemdMachines({ directory });
}
