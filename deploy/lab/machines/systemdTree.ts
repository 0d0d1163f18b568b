import { chmod, lstat, mkdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';

/** Top-level names that are links into /usr on every current distribution. */
const linksIntoUsr = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'];

const emptyDirectories: [path: string, mode: number][] = [
  ...['dev', 'proc', 'sys', 'run', 'usr', 'usr/lib', 'home', 'opt', 'srv', 'mnt', 'media'].map((path): [string, number] => [path, 0o755]),
  ...['var', 'var/lib', 'var/log', 'var/cache', 'var/spool'].map((path): [string, number] => [path, 0o755]),
  ['tmp', 0o1777],
  ['var/tmp', 0o1777],
  ['root', 0o700],
];

/** Of /etc: identity, keys, and whatever would make services of this computer start on the machines. */
const notCopied = [
  'etc/hostname',
  'etc/hosts',
  'etc/machine-id',
  'etc/resolv.conf',
  'etc/fstab',
  'etc/crypttab',
  'etc/mtab',
  'etc/nsswitch.conf',
  'etc/cron*',
  'etc/init.d',
  'etc/rc?.d',
  'etc/ssh',
  'etc/systemd',
  'etc/modules-load.d',
  'etc/sysctl.d',
];

/** More than any /etc holds; it passes through memory. */
const etcBytesMax = 200_000_000;

/** Not wanted on a machine that has no console, no users who log in at one, and no devices. */
const maskedUnits = [
  'console-getty.service',
  'getty.target',
  'systemd-logind.service',
  'systemd-udevd.service',
  'systemd-udev-trigger.service',
  'systemd-firstboot.service',
  'ldconfig.service',
];

const sshUnit = `[Unit]
Description=OpenSSH server of a lab machine

[Service]
Type=exec
ExecStart=/usr/sbin/sshd -D -e
RuntimeDirectory=sshd
RuntimeDirectoryMode=0755
KillMode=process
Restart=on-failure
`;

/** Without PAM: a log-in starts no session manager, as nobody sits at these machines. */
const sshConfiguration = `HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Subsystem sftp internal-sftp
`;

const journalConfiguration = `[Journal]
Storage=persistent
SystemMaxUse=64M
`;

/** Names are looked up in files only: there is no name server in the lab. */
const nameServices = `passwd: files
group: files
shadow: files
hosts: files
networks: files
protocols: files
services: files
`;

/**
 * The part of a root tree that all machines of a lab share: this computer's own /etc as far as every user may read it, and an
 * empty /var. /usr is not in it: the machines have this computer's, read-only. Some MB, made once in under a second.
 * Made under a temporary name, so an interrupted one is never taken for a whole one.
 */
export async function ensureSharedTree(directory: string): Promise<void> {
  if (await exists(join(directory, 'etc'))) return;
  const partial = `${directory}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await chmod(partial, 0o755);
  for (const [path, mode] of emptyDirectories) {
    await mkdir(join(partial, path));
    await chmod(join(partial, path), mode);
  }
  for (const name of linksIntoUsr) if (await exists(join('/', name))) await symlink(await readlink(join('/', name)), join(partial, name));
  await symlink('/run', join(partial, 'var/run'));
  await symlink('/run/lock', join(partial, 'var/lock'));
  await copyReadableEtc(partial);
  await write(partial, 'usr/lib/os-release', await readFile('/etc/os-release', 'utf8'));
  await write(partial, 'etc/shadow', await lockedPasswords(), 0o600);
  await write(partial, 'etc/nsswitch.conf', nameServices);
  await write(partial, 'etc/ssh/sshd_config', sshConfiguration);
  await write(partial, 'etc/systemd/journald.conf', journalConfiguration);
  await write(partial, 'etc/systemd/system/ssh.service', sshUnit);
  const units = join(partial, 'etc/systemd/system');
  await mkdir(join(units, 'multi-user.target.wants'));
  await symlink('/etc/systemd/system/ssh.service', join(units, 'multi-user.target.wants', 'ssh.service'));
  await symlink('/usr/lib/systemd/system/multi-user.target', join(units, 'default.target'));
  for (const unit of maskedUnits) await symlink('/dev/null', join(units, unit));
  await rename(partial, directory);
}

/** What every user of this computer may read cannot be a secret; the rest stays here. */
async function copyReadableEtc(to: string): Promise<void> {
  const left = notCopied.flatMap((path) => ['-o', '-path', path]).slice(1);
  const listed = await execa(
    'find',
    [
      'etc',
      '(',
      ...left,
      '-o',
      '-type',
      'd',
      '!',
      '-perm',
      '-o=rx',
      ')',
      '-prune',
      '-o',
      '(',
      '-type',
      'd',
      '-o',
      '-type',
      'l',
      '-o',
      '-type',
      'f',
      '-perm',
      '-o=r',
      ')',
      '-print0',
    ],
    { cwd: '/', stripFinalNewline: false },
  );
  const packed = await execa('tar', ['--create', '--null', '--no-recursion', '--files-from=-'], {
    cwd: '/',
    input: listed.stdout,
    encoding: 'buffer',
    maxBuffer: etcBytesMax,
  });
  await execa('tar', ['--extract', '--preserve-permissions'], { cwd: to, input: packed.stdout });
}

/** The users of this computer, none of whom has a password. */
async function lockedPasswords(): Promise<string> {
  const names = (await readFile('/etc/passwd', 'utf8')).split('\n').flatMap((line) => line.split(':')[0] || []);
  return names.map((name) => `${name}:*:19000:0:99999:7:::\n`).join('');
}

async function write(root: string, path: string, text: string, mode = 0o644): Promise<void> {
  const file = join(root, path);
  await mkdir(join(file, '..'), { recursive: true });
  await rm(file, { force: true });
  await writeFile(file, text, { mode });
  await chmod(file, mode);
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
