import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';

/** The stdin and stdout of a command as a socket, like OpenSSH's ProxyCommand. The command ends with the socket. */
export function openProxySocket([program = '', ...args]: readonly string[]): Duplex {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  const socket = Duplex.from({ readable: child.stdout, writable: child.stdin });
  const end = (): void => {
    child.kill('SIGTERM');
  };
  const endWithWorker = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', endWithWorker);
  child.once('exit', (code) => {
    process.removeListener('exit', endWithWorker);
    if (!socket.destroyed) socket.destroy(code ? new Error(`the proxy command ${program} ended with exit code ${code}`) : undefined);
  });
  child.once('error', (error) => socket.destroy(error));
  socket.once('close', end);
  return socket;
}
