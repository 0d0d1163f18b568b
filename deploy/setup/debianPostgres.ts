import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { ensureDebianPackages } from './debianPackages.ts';

const bin = '/usr/lib/postgresql/15/bin';
/** Read by Debian's packages when a server is installed: no cluster of theirs is made, ours are private (startPostgres). */
const noCluster = '/etc/postgresql-common/createcluster.d/nightshift.conf';

/** Folder with the programs of Debian's PostgreSQL 15, or null: the second version, because crossing versions is where copies break. */
export function findDebianPostgres(): string | null {
  return existsSync(join(bin, 'postgres')) ? bin : null;
}

/**
 * The same folder after installing what is missing of postgresql-15 and pgcopydb: only as root on Debian, after saying so.
 * Throws with the line to paste when it may not install.
 */
export async function ensureDebianPostgres(say: (line: string) => void): Promise<string> {
  const mayPrevent = findDebianPostgres() === null && process.getuid?.() === 0 && existsSync('/etc/debian_version');
  if (mayPrevent) {
    await mkdir(dirname(noCluster), { recursive: true });
    await writeFile(noCluster, 'create_main_cluster = false\n');
  }
  try {
    await ensureDebianPackages(say, 'postgres15');
  } finally {
    if (mayPrevent) await rm(noCluster, { force: true });
  }
  return bin;
}
