import { spawn, type ChildProcess } from 'node:child_process';
import { Duplex } from 'node:stream';

import { childEnvironment } from '../tools/childEnvironment.ts';

/** Proxy commands that must not outlive the worker; one listener for all of them. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** The stdin and stdout of a command as a socket, like OpenSSH's ProxyCommand. The command ends with the socket. */
export function openProxySocket([program = '', ...args]: readonly string[]): Duplex {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'], env: childEnvironment() });
  const socket = Duplex.from({ readable: child.stdout, writable: child.stdin });
  const end = (): void => {
    child.kill('SIGTERM');
  };
  running.add(child);
  child.once('exit', (code) => {
    running.delete(child);
    if (!socket.destroyed) socket.destroy(code ? new Error(`the proxy command ${program} ended with exit code ${code}`) : undefined);
  });
  child.once('error', (error) => {
    running.delete(child);
    socket.destroy(error);
  });
  socket.once('close', end);
  return socket;
}
