import { spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, chown, cp, lstat, mkdir, mkdtemp, readlink, rename, rm, symlink } from 'node:fs/promises';
import { once } from 'node:events';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';

import { execa } from 'execa';

/** Who a program runs as that refuses root; null: as whoever we are. */
export type UnprivilegedUser = { uid: number; gid: number; name: string } | null;

/** Root's own folder that everybody may enter: for tools and data whose own place is closed, as a project below /root is. */
const openFolder = '/var/tmp/nightshift';

/** Such programs want a user that has a name: root becomes `nobody`. Throws when there is no such user. */
export function unprivilegedUser(): UnprivilegedUser {
  if (process.getuid?.() !== 0) return null;
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith('nobody:'));
  const [name = '', , uid, gid] = line?.split(':') ?? [];
  if (!name) throw new Error('some programs of the lab do not run as root, and there is no user "nobody" to run them as');
  return { uid: Number(uid), gid: Number(gid), name };
}

/** Whether the user may enter this folder, or run this program, through all folders above it. */
export function mayPass(user: UnprivilegedUser, path: string): boolean {
  return !user || spawnSync('test', ['-x', path], { cwd: '/', uid: user.uid, gid: user.gid }).status === 0;
}

/**
 * The folder of tools as that user reaches it: itself, or a copy in a place that is open, made once.
 * @param program path of one of them below the folder.
 */
export async function toolsFor(user: UnprivilegedUser, folder: string, program: string): Promise<string> {
  if (mayPass(user, join(folder, program))) return folder;
  const copy = await openPlaceOf(folder);
  if (existsSync(copy)) return copy;
  const partial = await mkdtemp(`${copy}.`);
  try {
    await cp(folder, partial, { recursive: true, verbatimSymlinks: true });
    await execa('chmod', ['-R', 'go+rX', partial]);
    await rename(partial, copy).catch((error: unknown) => {
      // Another was quicker.
      if (!existsSync(copy)) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return copy;
}

/**
 * Has a folder that belongs to the user: itself, or, where the user may not come to it, one in a place that is open, to which it is then a link. Repeatable.
 * @returns its path for the user.
 */
export async function folderFor(user: UnprivilegedUser, folder: string): Promise<string> {
  await mkdir(dirname(folder), { recursive: true });
  const isOpen = mayPass(user, dirname(folder));
  const place = isOpen ? folder : await openPlaceOf(folder);
  if (!isOpen && (await readlink(folder).catch(() => null)) !== place) {
    // What a folder that was removed without `removeFolderFor` left.
    await rm(place, { recursive: true, force: true });
    await symlink(place, folder);
  }
  await mkdir(place, { recursive: true });
  if (user) await chown(place, user.uid, user.gid);
  return place;
}

/** Removes such a folder, wherever it lies; repeatable. What was killed beside it may still write for a moment. */
export async function removeFolderFor(folder: string): Promise<void> {
  const place = await readlink(folder).catch(() => folder);
  for (const each of [place, folder]) await rm(each, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

/** Starts a program as that user. On Linux it gets SIGINT (for postgres: fast shutdown) when this process dies, however it dies. */
export function spawnAs(
  user: UnprivilegedUser,
  [program, ...args]: readonly [string, ...string[]],
  { stdio }: { stdio: StdioOptions },
): ChildProcess {
  // A group of its own: Ctrl-C ends the work first, the server last.
  const options = { stdio, detached: true, cwd: '/' };
  if (!existsSync('/usr/bin/setpriv') && !existsSync('/bin/setpriv'))
    return spawn(program, args, user ? { ...options, uid: user.uid, gid: user.gid } : options);
  const identity = user ? ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'] : [];
  return spawn('setpriv', [...identity, '--pdeathsig', 'INT', '--', program, ...args], options);
}

/** Runs a program as that user to its end; throws with its error output when it fails. */
export async function runAs(user: UnprivilegedUser, command: readonly [string, ...string[]]): Promise<void> {
  const child = spawnAs(user, command, { stdio: ['ignore', 'ignore', 'pipe'] });
  const [[code, signal], said] = await Promise.all([
    once(child, 'exit') as Promise<[number | null, string | null]>,
    child.stderr ? text(child.stderr) : '',
  ]);
  if (code !== 0) throw new Error(`${command[0]} ended with ${code ?? signal}: ${said.trim()}`);
}

/** The same place for the same path, below root's folder. Throws when somebody else made that folder. */
async function openPlaceOf(path: string): Promise<string> {
  await mkdir(openFolder, { recursive: true });
  const found = await lstat(openFolder);
  if (!found.isDirectory() || found.uid !== 0) throw new Error(`${openFolder} is not a folder of root's: remove it`);
  await chmod(openFolder, 0o755);
  return join(openFolder, `${basename(path)}-${createHash('sha256').update(path).digest('hex').slice(0, 12)}`);
}
