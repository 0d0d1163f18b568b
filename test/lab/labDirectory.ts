import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSupervisorMachines } from '../../deploy/lab/machines/supervisorMachines.ts';
import type { LabMachine, LabMachines, LabUnit } from '../../deploy/lab/machines/machines.contract.ts';
import { tool } from '../../deploy/setup/tools.ts';

export const silent = (): void => undefined;

/** A new directory for one lab, and its end. */
export function labDirectory(): { directory: string; remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'lab-'));
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }) };
}

export interface OneMachine {
  machines: LabMachines;
  machine: LabMachine;
  directory: string;
  /** Ends its processes and removes its directory. */
  end(): Promise<void>;
}

/** One supervisor machine with these units; gone again when it does not come up. */
export async function openMachine(units: LabUnit[], place = labDirectory()): Promise<OneMachine> {
  const machines = createSupervisorMachines({ directory: place.directory, supervisorDirectory: await tool('supervisor') });
  const end = async (): Promise<void> => {
    await machines.down(silent);
    place.remove();
  };
  try {
    const [machine] = await machines.up([{ name: 'one', address: machines.addressOf?.('one') ?? '', units }], silent);
    if (!machine) throw new Error('no machine came up');
    return { machines, machine, directory: place.directory, end };
  } catch (error) {
    await end();
    throw error;
  }
}

export function unit(name: string, script: string): LabUnit {
  return { name, kind: 'service', command: ['/bin/sh', '-c', script], environment: {}, stopWaitSeconds: 10, cleanExitStatuses: [] };
}
