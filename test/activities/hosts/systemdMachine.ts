import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import { hostRefOf } from '../../../deploy/lab/machines/labHosts.ts';
import type { LabMachines, LabUnit } from '../../../deploy/lab/machines/machines.contract.ts';
import { createSystemdMachines } from '../../../deploy/lab/machines/systemdMachines.ts';

/** One machine with a real systemd and a real sshd, reached as a customer's host is. */
export interface SystemdMachine {
  ref: HostRef;
  machines: LabMachines;
  resolveSecret(name: string): Promise<string>;
  down(): Promise<void>;
}

export async function startSystemdMachine(name: string, units: LabUnit[]): Promise<SystemdMachine> {
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-systemd-'));
  const machines = createSystemdMachines({ directory, name });
  const down = async (): Promise<void> => {
    await machines.down(() => {});
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const [machine] = await machines.up([{ name, address: machines.addressOf?.(name) ?? '', units }], () => {});
    if (!machine) throw new Error(`no machine ${name}`);
    const ref = hostRefOf(machine);
    return { ref, machines, resolveSecret: async () => readFileSync(machine.ssh.privateKeyFile, 'utf8'), down };
  } catch (error) {
    await down();
    throw error;
  }
}
