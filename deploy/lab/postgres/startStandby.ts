import { chmod, chown, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { folderFor, removeFolderFor, runAs, unprivilegedUser } from '../machines/unprivileged.ts';
import type { PostgresServer, PostgresSetting } from './postgres.contract.ts';
import { startPostgres } from './startPostgres.ts';

export interface StandbySetting extends Pick<PostgresSetting, 'settings'> {
  /** Of this standby; what is there is made anew. */
  directory: string;
  primary: PostgresServer;
}

/**
 * A streaming hot standby of a running server, made by pg_basebackup; returns when it takes readers. Databases, roles and passwords are the primary's.
 * `select pg_promote()` on it makes it a primary of its own, on a new timeline. Stop it before its primary, or it waits for it in vain.
 */
export async function startStandby({ directory, primary, settings = {} }: StandbySetting): Promise<PostgresServer> {
  const user = unprivilegedUser();
  await removeFolderFor(resolve(directory));
  const home = await folderFor(user, resolve(directory));
  const { programs, version, passwordFile: primaryPasswordFile } = primary;
  const [data, passwordFile, login] = [join(home, 'data'), join(home, 'superuser.password'), join(home, 'primary.login')];
  await mkdir(data, { mode: 0o700 });
  await copyFile(primaryPasswordFile, passwordFile);
  await chmod(passwordFile, 0o600);
  const { hostname, port, username, password } = new URL(primary.url());
  const escaped = decodeURIComponent(password).replaceAll(/[\\:]/g, '\\$&');
  await writeFile(login, `${hostname}:${port}:*:${username}:${escaped}\n`, { mode: 0o600 });
  for (const place of user ? [data, passwordFile, login] : []) await chown(place, user?.uid ?? 0, user?.gid ?? 0);
  // By a file, and not by argument: the standby asks with it as long as it follows.
  const from = `host=${hostname} port=${port} user=${username} passfile='${login}' application_name=standby`;
  const options = ['--write-recovery-conf', '--checkpoint=fast', '--wal-method=stream', '--no-sync', '--no-manifest'];
  await runAs(user, [join(programs, 'pg_basebackup'), `--pgdata=${data}`, `--dbname=${from}`, ...options]);
  await writeFile(join(home, 'cluster'), `${version}\n`);
  return startPostgres({ directory, version, settings });
}
