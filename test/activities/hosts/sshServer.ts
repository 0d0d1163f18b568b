import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

import type { HostRef, SshReach } from '../../../activities/hosts/hosts.contract.ts';
import { freePort } from '../../../deploy/lab/freePort.ts';
import { waitUntil } from '../../support/waitUntil.ts';

/** A real OpenSSH server of our own on a loopback port, for the user who runs the tests. */
export interface SshServer {
  directory: string;
  port: number;
  hostKey: string;
  /** Reads the secrets that the reach names: "key" is accepted, "other-key" is not, "no-key" is no key. */
  resolveSecret(name: string): Promise<string>;
  reach(changes?: Partial<SshReach>): SshReach;
  ref(changes?: Partial<SshReach>): HostRef;
  /** Ends the server's processes for single connections, as a network fault would end them. */
  dropConnections(): void;
  /** Makes a new host key and begins anew with it. */
  changeHostKey(): Promise<void>;
  stop(): Promise<void>;
}

const program = '/usr/sbin/sshd';

/** Why there can be no server here, or undefined. With REQUIRE_REAL=1 a missing server is an error. */
export function sshServerMissing(): string | undefined {
  if (existsSync(program)) return undefined;
  if (process.env.REQUIRE_REAL === '1')
    throw new Error('OpenSSH server is required (REQUIRE_REAL=1) and not installed: apt-get install openssh-server');
  return 'NOT TESTED: the OpenSSH server is not installed (apt-get install openssh-server)';
}

export async function startSshServer(extraConfiguration: string[] = []): Promise<SshServer> {
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-sshd-'));
  const file = (name: string): string => join(directory, name);
  // sshd run by root wants its empty folder, which only its service makes.
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const makeKey = (name: string): void =>
    void execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'nightshift-test', '-f', file(name)]);
  for (const name of ['host', 'key', 'other-key']) makeKey(name);
  writeFileSync(file('no-key'), 'this is no key\n');
  writeFileSync(file('authorized_keys'), readFileSync(file('key.pub')), { mode: 0o600 });
  const port = await freePort();
  const configuration = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('authorized_keys')}`,
    `PidFile ${file('pid')}`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
    // Not the login files of whoever runs the tests: they can cost more than the command.
    'SetEnv HOME=/var/empty',
    ...extraConfiguration,
  ];
  writeFileSync(file('sshd_config'), `${configuration.join('\n')}\n`);

  let server = await begin(file('sshd_config'), port);
  const api: SshServer = {
    directory,
    port,
    hostKey: fingerprint(file('host.pub')),
    resolveSecret: async (name) => readFileSync(file(name), 'utf8'),
    reach: (changes = {}) => ({
      kind: 'ssh',
      address: '127.0.0.1',
      port,
      user: userInfo().username,
      privateKey: 'key',
      hostKeys: [api.hostKey],
      ...changes,
    }),
    ref: (changes) => ({
      name: 'over-ssh',
      address: '127.0.0.1',
      reach: api.reach(changes),
      serviceManager: { kind: 'supervisor', command: 'supervisorctl', configFile: file('supervisord.conf') },
      stateDirectory: join(directory, 'state'),
    }),
    dropConnections() {
      for (const child of childrenOf(server.pid ?? 0)) for (const each of [...childrenOf(child), child]) end(each, 'SIGKILL', /sshd/);
    },
    async changeHostKey() {
      await endAndWait(server);
      rmSync(file('host'));
      makeKey('host');
      server = await begin(file('sshd_config'), port);
    },
    async stop() {
      api.dropConnections();
      await endAndWait(server);
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return api;
}

async function begin(configuration: string, port: number): Promise<ChildProcess> {
  // MaxStartups and penalties would refuse the many connections of a test.
  const server = spawn(program, ['-D', '-e', '-f', configuration, '-o', 'MaxStartups=100'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  server.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
  try {
    await waitUntil('sshd answers', async () => {
      if (server.exitCode !== null) throw new Error('sshd ended');
      return answers(port);
    });
    return server;
  } catch (error) {
    server.kill('SIGKILL');
    throw new Error(`${String(error)}: ${said}`, { cause: error });
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function endAndWait(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  await ended;
}

function fingerprint(publicKeyFile: string): string {
  return execFileSync('ssh-keygen', ['-l', '-f', publicKeyFile], { encoding: 'utf8' }).split(' ')[1] ?? '';
}

function childrenOf(processId: number): number[] {
  try {
    return readFileSync(`/proc/${processId}/task/${processId}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function end(processId: number, signal: NodeJS.Signals, name: RegExp): void {
  try {
    if (name.test(readFileSync(`/proc/${processId}/comm`, 'utf8'))) process.kill(processId, signal);
  } catch {
    // Already ended.
  }
}

/** Whether a process runs (a zombie does not). */
export function isRunning(processId: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${processId}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
