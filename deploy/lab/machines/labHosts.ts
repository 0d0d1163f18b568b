import { posix } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Host } from '../../../activities/hosts/host.ts';
import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import type { LabMachine, LabService } from './machines.contract.ts';

/** Name of the secret with the key of every machine. */
export const sshKeySecret = 'lab-ssh-key';
const portPauseMs = 50;

/** How a machine is reached, as a platform file and a host of the product say it alike. */
export function sshReachOf({ address, port, user, hostKeyFingerprint, proxyCommand }: LabMachine['ssh']) {
  return {
    ...{ address, port, user, privateKey: sshKeySecret, hostKeys: [hostKeyFingerprint] },
    ...(proxyCommand ? { proxyCommand } : {}),
  };
}

/** A lab machine as the product's own capabilities take a host. */
export function hostRefOf({ name, address, ssh, serviceManager, disk }: LabMachine): HostRef {
  return {
    name,
    address,
    reach: { kind: 'ssh', ...sshReachOf(ssh) },
    serviceManager,
    stateDirectory: posix.join(disk.onMachine, 'var/lib/nightshift'),
  };
}

/** What the machine's service manager says of each unit. */
export async function readUnits(host: Host, units: string[]): Promise<LabService[]> {
  const { serviceManager: manager, name: machine } = host.ref;
  if (manager.kind === 'supervisor') {
    // Status 3: some are not running.
    const { stdout } = await host.run([manager.command, '-c', manager.configFile, 'status', ...units], { accept: [0, 3, 4] });
    const words = new Map(stdout.split('\n').map((line) => [line.split(/\s+/)[0] ?? '', line.split(/\s+/)[1] ?? '']));
    return units.map((unit) => ({ machine, unit, said: words.get(unit) ?? 'unknown', running: words.get(unit) === 'RUNNING' }));
  }
  const systemctl = manager.kind === 'systemd' && manager.sudo ? ['sudo', '-n', 'systemctl'] : ['systemctl'];
  const { stdout } = await host.run([...systemctl, 'is-active', ...units.map((unit) => `${unit}.service`)], { accept: [0, 3, 4] });
  const lines = stdout.trim().split('\n');
  return units.map((unit, index) => ({ machine, unit, said: lines[index] ?? 'unknown', running: lines[index] === 'active' }));
}

/** Asks the service manager for all of the units that do not run; they start at the same time. Returns how many it asked for. */
export async function startUnits(host: Host, units: string[]): Promise<number> {
  const { serviceManager: manager } = host.ref;
  const down = (await readUnits(host, units)).filter(({ running }) => !running).map(({ unit }) => unit);
  if (down.length === 0) return 0;
  if (manager.kind === 'supervisor') {
    await Promise.all(down.map((unit) => host.run([manager.command, '-c', manager.configFile, 'start', unit], { accept: [0, 7] })));
  } else {
    const systemctl = manager.kind === 'systemd' && manager.sudo ? ['sudo', '-n', 'systemctl'] : ['systemctl'];
    await host.run([...systemctl, 'start', ...down.map((unit) => `${unit}.service`)]);
  }
  return down.length;
}

/** Stops one unit and waits for its end; one that does not run is left alone. */
export async function stopUnit(host: Host, unit: string, timeoutSeconds: number): Promise<void> {
  const { serviceManager: manager } = host.ref;
  const command =
    manager.kind === 'supervisor'
      ? [manager.command, '-c', manager.configFile, 'stop', unit]
      : [...(manager.kind === 'systemd' && manager.sudo ? ['sudo', '-n'] : []), 'systemctl', 'stop', `${unit}.service`];
  await host.run(command, { timeoutSeconds });
}

/** Waits until the port is open, seen from the machine itself. Throws after `limitMs`. */
export async function waitForHostPort(host: Host, port: number, limitMs: number): Promise<void> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    try {
      (await host.connect(port)).destroy();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${host.ref.name}: port ${port} is not open after ${limitMs / 1000} s`, { cause: error });
      await sleep(portPauseMs);
    }
  }
}
