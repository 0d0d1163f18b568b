import { execa } from 'execa';

import { missingPackages } from '../../setup/debianPackages.ts';
import { controlGroupRoots } from './systemdContainer.ts';

/** Tries what a machine needs, in namespaces of its own that end with the command: an overlay, a network with a bridge, a veth. */
const trial = `set -e
mount -t tmpfs trial /mnt
mkdir /mnt/lower /mnt/upper /mnt/work /mnt/root
mount -t overlay trial -o lowerdir=/mnt/lower,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
ip link add switch type bridge
ip link add port type veth peer name eth0
ip link set port master switch`;

/** Whether this computer can have machines with systemd, tried for real, and why not. Leaves nothing behind. */
export async function systemdMachinesAvailable(): Promise<{ available: boolean; why: string }> {
  const no = (why: string): { available: boolean; why: string } => ({ available: false, why });
  if (process.platform !== 'linux') return no(`machines with systemd need Linux; this is ${process.platform}`);
  if (process.getuid?.() !== 0) return no('machines with systemd need root');
  const missing = await missingPackages('systemd');
  if (missing.length > 0) return no(`Debian packages are missing: ${missing.join(', ')}`);
  if (controlGroupRoots().length === 0) return no('no control group hierarchy for systemd is mounted under /sys/fs/cgroup');
  const tried = await execa('unshare', ['--mount', '--net', 'sh', '-c', trial], { reject: false });
  if (tried.failed)
    return no(`namespaces, overlays or bridges cannot be made here: ${(tried.stderr || tried.shortMessage || '').split('\n')[0]}`);
  return { available: true, why: 'root on Linux with systemd-nspawn, namespaces and overlays' };
}
