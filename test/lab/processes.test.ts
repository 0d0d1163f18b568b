import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { accepts } from '../../deploy/lab/machines/waitForListener.ts';
import { identifyProcess, isRunning } from '../../activities/tools/processIdentity.ts';
import { waitUntil } from '../support/waitUntil.ts';

/** Its first thread ends by itself; another one holds a port until its input ends. */
const leaderless = `
import ctypes, os, socket, sys, threading
listener = socket.create_server(('127.0.0.1', 0))
def last():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=last).start()
print(listener.getsockname()[1], flush=True)
ctypes.CDLL(None).pthread_exit(None)
`;

test(
  'a process whose first thread has ended runs until its last one has, as its ports do',
  { skip: process.platform !== 'linux' },
  async () => {
    const child = spawn('python3', ['-c', leaderless], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      const exit = once(child, 'exit');
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const port = Number(line.toString());
      const identity = identifyProcess(child.pid ?? 0);
      assert.ok(identity);
      await waitUntil('the first thread has ended', () => stateOf(child.pid ?? 0) === 'Z');
      assert.equal(await accepts({ host: '127.0.0.1', port }), true);
      assert.ok(isRunning(identity), 'it counts as ended while it holds its port');
      child.stdin.end();
      await exit;
      assert.equal(isRunning(identity), false);
    } finally {
      child.kill('SIGKILL');
    }
  },
);

function stateOf(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0];
}
