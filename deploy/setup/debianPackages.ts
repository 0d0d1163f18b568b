import { constants, existsSync, readdirSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { execa } from 'execa';

/** base: the machines without root, and everything else. systemd: machines with systemd, root on Linux only. copies: directories to other hosts. postgres15: see debianPostgres.ts. */
export type PackagePurpose = 'base' | 'systemd' | 'copies' | 'postgres15';

/** How to tell that a package is there: a command, a file, a shared library or a module of Python 3. */
interface Sign {
  command?: string;
  file?: string;
  library?: string;
  pythonModule?: string;
}

const base: Record<string, Sign[]> = {
  bash: [{ command: 'bash' }],
  zstd: [{ command: 'zstd' }],
  tar: [{ command: 'tar' }],
  'util-linux': [{ command: 'setsid' }],
  python3: [{ command: 'python3' }],
  'python3-pip': [{ pythonModule: 'pip' }],
  // mongod is linked with them.
  libcurl4: [{ library: 'libcurl.so.4' }],
  libssl3: [{ library: 'libssl.so.3' }],
  liblzma5: [{ library: 'liblzma.so.5' }],
};

const signs: Record<PackagePurpose, Record<string, Sign[]>> = {
  base,
  systemd: {
    ...base,
    'util-linux': [{ command: 'setsid' }, { command: 'nsenter' }, { command: 'unshare' }],
    'openssh-server': [{ command: 'sshd' }],
    systemd: [{ command: 'systemctl' }],
    'systemd-container': [{ command: 'systemd-nspawn' }],
    dbus: [{ command: 'dbus-daemon' }],
    iproute2: [{ command: 'ip' }],
  },
  copies: { rsync: [{ command: 'rsync' }], 'openssh-server': [{ command: 'sshd' }] },
  postgres15: {
    'postgresql-15': [{ file: '/usr/lib/postgresql/15/bin/postgres' }],
    pgcopydb: [{ command: 'pgcopydb' }],
  },
};

/** The only packages whose commands other systems have too. */
const everywhere = ['bash', 'zstd', 'tar', 'python3'];

/** Where administrators' programs are, whatever the PATH of the user says. */
const systemDirectories = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** Debian packages that are not on this computer, told by their commands, libraries and modules. Repeatable: looks only. */
export async function missingPackages(purpose: PackagePurpose = 'base'): Promise<string[]> {
  const missing: string[] = [];
  for (const [name, wanted] of Object.entries(signs[purpose])) {
    if (process.platform !== 'linux' && !everywhere.includes(name)) continue;
    const found = await Promise.all(wanted.map(isThere));
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

async function isThere({ command, file, library, pythonModule }: Sign): Promise<boolean> {
  if (command) return isExecutable(command);
  if (file) return existsSync(file);
  if (library) return libraryDirectories().some((directory) => existsSync(join(directory, library)));
  return !(await execa('python3', ['-c', `import ${pythonModule}`], { reject: false, stdin: 'ignore' })).failed;
}

async function isExecutable(command: string): Promise<boolean> {
  const directories = [...(process.env.PATH ?? '').split(delimiter).filter(Boolean), ...systemDirectories];
  for (const directory of directories) {
    const executable = await access(join(directory, command), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return true;
  }
  return false;
}

/** Debian keeps libraries below the name of the processor. */
function libraryDirectories(): string[] {
  const bases = ['/usr/lib', '/usr/lib64', '/usr/local/lib', '/lib'].filter((directory) => existsSync(directory));
  const below = readdirSync('/usr/lib').filter((name) => name.endsWith('-linux-gnu'));
  return [...bases, ...below.map((name) => join('/usr/lib', name))];
}
