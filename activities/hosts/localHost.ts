import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { connect } from 'node:net';
import { once } from 'node:events';
import { Readable, Writable } from 'node:stream';

import { failure } from '../failure.ts';
import { childEnvironment } from '../tools/childEnvironment.ts';
import { createCommandRunner } from './commandRunner.ts';
import { openForward } from './forward.ts';
import { ConnectionRefused, type Host } from './host.ts';
import type { HostRef } from './hosts.contract.ts';
import type { StartCommand } from './superviseCommand.ts';

/** Process groups under way: they end with the worker. Detached jobs leave their group before. */
const groups = new Set<number>();
process.once('exit', () => {
  for (const group of groups) signalGroup(group, 'KILL');
});

/** The machine that the worker runs on. */
export function createLocalHost(ref: HostRef, { connectTimeoutMs }: { connectTimeoutMs: number }): Host {
  const host: Host = {
    ref,
    ...createCommandRunner(ref.name, startLocally),
    async connect(port, address = ref.address) {
      const socket = connect({ port, host: address, noDelay: true });
      try {
        await once(socket, 'connect', { signal: AbortSignal.timeout(connectTimeoutMs) });
        return socket;
      } catch (error) {
        socket.on('error', () => {}).destroy();
        const code = (error as NodeJS.ErrnoException).code;
        const place = `port ${port} of ${address} on ${ref.name}`;
        if (code === 'ECONNREFUSED') throw new ConnectionRefused(`${place} refuses connections`);
        throw failure('HostUnreachable', `${place} does not answer: ${code ?? String(error)}`, { host: ref.name, port }, error);
      }
    },
    forward: (port, address) => openForward(() => host.connect(port, address)),
  };
  return host;
}

/** In a process group of its own, so that an abort ends its children too. */
const startLocally: StartCommand = async ([program = '', ...args]) => {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: childEnvironment() });
  const group = child.pid;
  const exitCode = Promise.withResolvers<number>();
  exitCode.promise.catch(() => {});
  if (group === undefined) {
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => child.once('error', resolve));
    const code = error.code === 'ENOENT' ? 127 : error.code === 'EACCES' ? 126 : undefined;
    if (code === undefined) throw error;
    return {
      stdin: new Writable({ write: (_chunk, _encoding, done) => done() }),
      stdout: Readable.from([]),
      stderr: Readable.from([Buffer.from(`${program}: ${error.code}`)]),
      exitCode: Promise.resolve(code),
      kill: async () => {},
      abandon: () => {},
    };
  }
  groups.add(group);
  child.once('error', exitCode.reject);
  child.once('exit', (code, signal) => {
    groups.delete(group);
    exitCode.resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
  });
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exitCode: exitCode.promise,
    kill: async (signal) => signalGroup(group, signal),
    abandon: () => {
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    },
  };
};

function signalGroup(group: number, signal: 'TERM' | 'KILL'): void {
  try {
    process.kill(-group, `SIG${signal}`);
  } catch {
    // Already ended, or another user's (sudo): its end is waited for in any case.
  }
}
