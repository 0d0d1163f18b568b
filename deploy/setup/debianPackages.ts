import { constants, existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { execa } from 'execa';

/** base: the machines without root, and everything else. systemd: machines with systemd, root on Linux only. */
export type PackagePurpose = 'base' | 'systemd';

type CommandsOfPackage = Record<string, string[]>;

const base: CommandsOfPackage = {
  bash: ['bash'],
  zstd: ['zstd'],
  tar: ['tar'],
  'util-linux': ['setsid'],
  python3: ['python3'],
};

const forPurpose: Record<PackagePurpose, CommandsOfPackage> = {
  base,
  systemd: {
    ...base,
    'util-linux': ['setsid', 'nsenter', 'unshare'],
    'openssh-server': ['sshd'],
    systemd: ['systemctl'],
    'systemd-container': ['systemd-nspawn'],
    dbus: ['dbus-daemon'],
    iproute2: ['ip'],
  },
};

/** Where administrators' programs are, whatever the PATH of the user says. */
const systemDirectories = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** Debian packages of which a command is not on this computer. Repeatable: looks only. */
export async function missingPackages(purpose: PackagePurpose = 'base'): Promise<string[]> {
  const missing: string[] = [];
  for (const [name, commands] of Object.entries(forPurpose[purpose])) {
    const found = await Promise.all(commands.map(isInstalled));
    if (found.includes(false)) missing.push(name);
  }
  return missing;
}

/** The one line that installs them, to be pasted as root. */
export function debianPackagesLine(packages: string[]): string {
  return `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`;
}

/**
 * Has what only root can install. As root on Debian it installs what is missing, after saying so in one line; repeatable.
 * Throws with the line to paste when it may not, and when the installation fails.
 */
export async function ensureDebianPackages(say: (line: string) => void, purpose: PackagePurpose = 'base'): Promise<void> {
  const missing = await missingPackages(purpose);
  if (missing.length === 0) return;
  const line = debianPackagesLine(missing);
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version'))
    throw new Error(`these are missing: ${missing.join(', ')}. As root on Debian: ${line}`);
  const beganAt = Date.now();
  say(`Debian packages: installing ${missing.join(', ')} …`);
  // Services that a package brings are not started: the lab starts its own.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await execa('apt-get', ['-q', 'update'], { env, stdin: 'ignore' });
  await execa('apt-get', ['-q', 'install', '-y', '--no-install-recommends', ...missing], { env, stdin: 'ignore' });
  say(`Debian packages: ${missing.length} installed in ${((Date.now() - beganAt) / 1000).toFixed(0)} s`);
}

async function isInstalled(command: string): Promise<boolean> {
  const directories = [...(process.env.PATH ?? '').split(delimiter), ...systemDirectories];
  for (const directory of directories) {
    const executable = await access(join(directory, command), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return true;
  }
  return false;
}
