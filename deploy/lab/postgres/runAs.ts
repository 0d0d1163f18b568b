import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { once } from 'node:events';

/** Who a PostgreSQL server runs as; null: as whoever we are. */
export type ServerUser = { uid: number; gid: number; name: string } | null;

/** initdb and postgres refuse root and want a user that has a name: root becomes `nobody`. Throws when there is no such user. */
export function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return null;
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith('nobody:'));
  const [name = '', , uid, gid] = line?.split(':') ?? [];
  if (!name) throw new Error('PostgreSQL does not run as root, and there is no user "nobody" to run it as');
  return { uid: Number(uid), gid: Number(gid), name };
}

/**
 * Starts a program as that user. On Linux it gets SIGINT (for postgres: fast shutdown) when this process dies, however it dies. Where
 * the user may not enter one of these places, for example a project below /root, it keeps root's right to pass directories.
 */
export function spawnAs(
  user: ServerUser,
  [program, ...args]: readonly [string, ...string[]],
  { places, stdio }: { places: string[]; stdio: StdioOptions },
): ChildProcess {
  // A group of its own: Ctrl-C ends the work first, the server last.
  const options = { stdio, detached: true, cwd: '/' };
  if (!existsSync('/usr/bin/setpriv') && !existsSync('/bin/setpriv'))
    return spawn(program, args, user ? { ...options, uid: user.uid, gid: user.gid } : options);
  const identity = user ? ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'] : [];
  const passes = user && !places.every(isOpenToAll) ? ['--inh-caps', '+dac_override', '--ambient-caps', '+dac_override'] : [];
  return spawn('setpriv', [...identity, ...passes, '--pdeathsig', 'INT', '--', program, ...args], options);
}

/** Runs a program as that user to its end; throws with its error output when it fails. */
export async function runAs(user: ServerUser, command: readonly [string, ...string[]], { places }: { places: string[] }): Promise<void> {
  const child = spawnAs(user, command, { places, stdio: ['ignore', 'ignore', 'pipe'] });
  const [[code, signal], said] = await Promise.all([
    once(child, 'exit') as Promise<[number | null, string | null]>,
    child.stderr ? text(child.stderr) : '',
  ]);
  if (code !== 0) throw new Error(`${command[0]} ended with ${code ?? signal}: ${said.trim()}`);
}

/** Whether everybody may enter this directory through all above it. */
function isOpenToAll(place: string): boolean {
  const above = dirname(place);
  return (statSync(place).mode & 0o001) === 0o001 && (above === place || isOpenToAll(above));
}
