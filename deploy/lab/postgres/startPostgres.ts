import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

import { findDebianPostgres } from '../../setup/debianPostgres.ts';
import { installers } from '../../setup/installers.ts';
import { tool } from '../../setup/tools.ts';
import { freePort } from '../freePort.ts';
import { folderFor, mayPass, removeFolderFor, runAs, toolsFor, unprivilegedUser, type UnprivilegedUser } from '../machines/unprivileged.ts';
import { socketFolder } from '../socketFolder.ts';
import { createDatabase } from './databases.ts';
import type { PostgresServer, PostgresSetting, PostgresVersion } from './postgres.contract.ts';
import { openPostmaster, PortTaken, type Postmaster } from './postmaster.ts';

const portAttempts = 5;
const temporaryPathMax = 70;

/** Honest defaults: everything that protects data is on. Sized for a small machine with several servers. */
const ours = {
  listen_addresses: '127.0.0.1',
  shared_buffers: '256MB',
  maintenance_work_mem: '128MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] %q%u@%d ',
  jit: 'off',
};

/** Has a cluster in that folder and starts it; returns when it takes connections. As root the server runs as `nobody`. */
export async function startPostgres({ directory, version = '18', port, settings = {} }: PostgresSetting): Promise<PostgresServer> {
  const user = unprivilegedUser();
  const home = await folderFor(user, resolve(directory));
  const programs = await programsOf(version, user);
  const [data, logFile, passwordFile] = [join(home, 'data'), join(home, 'server.log'), join(home, 'superuser.password')];
  await ensureCluster({ home, data, passwordFile, programs, version, user });
  const password = (await readFile(passwordFile, 'utf8')).trim();
  const socketDirectory = await newSocketDirectory(home, user);
  const postmaster = openPostmaster({ data, logFile, programs, user, settings: { ...ours, ...settings } });
  try {
    await openSocketDirectory(socketDirectory, user);
    const taken = await startOnFreePort(postmaster, socketDirectory, port);
    const running = { directory: resolve(directory), version, programs, port: taken, socketDirectory, logFile, passwordFile };
    return describeServer(postmaster, { ...running, password, user });
  } catch (error) {
    await rm(socketDirectory, { recursive: true, force: true });
    throw error;
  }
}

async function programsOf(version: PostgresVersion, user: UnprivilegedUser): Promise<string> {
  if (version === '18') {
    const programs = await tool('postgres');
    // The whole tool: libraries lie beside the folder of the programs, and above it.
    const below = programs.endsWith(installers.postgres.program) ? installers.postgres.program : basename(programs);
    return join(await toolsFor(user, programs.slice(0, -below.length - 1), join(below, 'initdb')), below);
  }
  const found = findDebianPostgres();
  if (!found) throw new Error('PostgreSQL 15 is not there: it comes with the Debian packages postgresql-15 and pgcopydb');
  return found;
}

interface Cluster {
  home: string;
  data: string;
  passwordFile: string;
  programs: string;
  version: PostgresVersion;
  user: UnprivilegedUser;
}

/** The file `cluster` is written last: what an interrupted making left is made anew. */
async function ensureCluster({ home, data, passwordFile, programs, version, user }: Cluster): Promise<void> {
  const done = join(home, 'cluster');
  if (existsSync(done)) {
    const found = (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim();
    if (found !== version) throw new Error(`${data} is a cluster of PostgreSQL ${found}, not ${version}`);
    return;
  }
  await rm(data, { recursive: true, force: true });
  await mkdir(data, { mode: 0o700 });
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  for (const place of user ? [data, passwordFile] : []) await chown(place, user?.uid ?? 0, user?.gid ?? 0);
  const locale = version === '15' ? ['--locale=C.UTF-8'] : ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'];
  const access = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  await runAs(user, [join(programs, 'initdb'), `--pgdata=${data}`, '--encoding=UTF8', ...locale, ...access, '--no-sync']);
  await writeFile(done, `${version}\n`);
}

/** A port that was free may be taken by another process before the server has it: then the next one. */
async function startOnFreePort(postmaster: Postmaster, socketDirectory: string, wanted: number | undefined): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const port = wanted ?? (await freePort());
    try {
      await postmaster.start({ port, unix_socket_directories: socketDirectory });
      return port;
    } catch (error) {
      if (!(error instanceof PortTaken) || wanted !== undefined || attempt === portAttempts) throw error;
    }
  }
}

/** A short path, as a socket's has at most 107 characters. What a start that was killed left is removed. */
async function newSocketDirectory(home: string, user: UnprivilegedUser): Promise<string> {
  const remembered = join(home, 'socketDirectory');
  if (existsSync(remembered)) await rm(await readFile(remembered, 'utf8'), { recursive: true, force: true });
  const folder = socketFolder(temporaryPathMax);
  const made = await mkdtemp(join(mayPass(user, folder) ? folder : '/tmp', 'ns-pg-'));
  await writeFile(remembered, made);
  return made;
}

async function openSocketDirectory(path: string, user: UnprivilegedUser): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o755);
  if (user) await chown(path, user.uid, user.gid);
}

interface Login {
  database?: string;
  user?: string;
  password?: string;
}

interface Running {
  directory: string;
  version: PostgresVersion;
  programs: string;
  port: number;
  socketDirectory: string;
  logFile: string;
  passwordFile: string;
  password: string;
  user: UnprivilegedUser;
}

function describeServer(postmaster: Postmaster, { user: runsAs, password: superuserPassword, ...running }: Running): PostgresServer {
  const { directory, port, socketDirectory } = running;
  const url = ({ database = 'postgres', user = 'postgres', password = superuserPassword }: Login = {}): string =>
    `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  const stop = async (): Promise<void> => {
    await postmaster.end('SIGINT');
    await rm(socketDirectory, { recursive: true, force: true });
  };
  return {
    ...running,
    processId: postmaster.processId,
    url,
    createDatabase: async (wanted) => {
      await createDatabase(url(), wanted);
      return url({ database: wanted.name, user: wanted.owner, password: wanted.password });
    },
    stop,
    kill: () => postmaster.end('SIGKILL'),
    restart: async () => {
      await openSocketDirectory(socketDirectory, runsAs);
      await postmaster.restart();
    },
    remove: async () => {
      await stop();
      await removeFolderFor(directory);
    },
  };
}
