import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { Connection } from '@temporalio/client';

import { tool } from '../../setup/tools.ts';
import type { Say } from '../../setup/installer.contract.ts';
import { searchAttributes } from '../../../workflows/names.contract.ts';

export interface DevServer {
  address: string;
  webUi: string;
  stop: () => Promise<void>;
}

const readyLimitMs = 120_000;

/** Without these the stock dev server takes 100 ms for each step after a short burst. */
export const unthrottled = [
  'history.transferProcessorMaxPollRPS=2000',
  'history.timerProcessorMaxPollRPS=2000',
  'history.visibilityProcessorMaxPollRPS=2000',
  'matching.numTaskqueueReadPartitions=1',
  'matching.numTaskqueueWritePartitions=1',
  // An activity begins with the answer to the workflow task that asked for it, not after another poll.
  'system.enableActivityEagerExecution=true',
].flatMap((value) => ['--dynamic-config-value', value]);

/** Temporal's dev server with its Web UI on a file database. Ports 7233 and 8233 when they are free. For a desk, not for production. */
export async function startDevServer({ database, log, say }: { database: string; log: string; say: Say }): Promise<DevServer> {
  const beganMs = Date.now();
  const program = await tool('temporal', say);
  const [port, uiPort] = [await freePort(7233), await freePort(8233)];
  const output = openSync(log, 'a');
  const child = spawn(
    program,
    [
      ...[
        'server',
        'start-dev',
        '--ip',
        '127.0.0.1',
        '--port',
        String(port),
        '--ui-port',
        String(uiPort),
        '--db-filename',
        database,
        '--log-level',
        'warn',
        // Written ahead and synced at checkpoints alone: a killed server loses nothing, a power cut perhaps the last seconds of a desk's lab.
        '--sqlite-pragma',
        'synchronous=1',
      ],
      ...Object.values(searchAttributes).flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
      ...unthrottled,
    ],
    // A group of its own: Ctrl-C ends the work first, the server last.
    { stdio: ['ignore', output, output], detached: true },
  );
  const address = `127.0.0.1:${port}`;
  await untilReady(address, child, log);
  say(`temporal: dev server ready after ${((Date.now() - beganMs) / 1000).toFixed(1)} s, ${address}, Web UI http://127.0.0.1:${uiPort}`);
  return { address, webUi: `http://127.0.0.1:${uiPort}`, stop: () => endProcess(child) };
}

async function untilReady(address: string, child: ChildProcess, log: string): Promise<void> {
  for (const deadline = Date.now() + readyLimitMs; ;) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the Temporal dev server ended with ${child.exitCode ?? child.signalCode}; see ${log}`);
    try {
      const connection = await Connection.connect({ address, connectTimeout: 5_000 });
      await connection.workflowService.describeNamespace({ namespace: 'default' });
      await connection.close();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`the Temporal dev server does not answer on ${address}; see ${log}`, { cause: error });
      await pause(100);
    }
  }
}

/** Asks the process to end and waits; after 30 s it is killed. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  await ended;
  clearTimeout(timer);
}

/** The wanted port, or any when it is taken. */
async function freePort(wanted: number): Promise<number> {
  const listen = (port: number): Promise<number | null> =>
    new Promise((resolve) => {
      const server = createServer()
        .once('error', () => resolve(null))
        .listen(port, '127.0.0.1', () => {
          const address = server.address();
          server.close(() => resolve(typeof address === 'object' && address ? address.port : null));
        });
    });
  return (await listen(wanted)) ?? (await listen(0)) ?? wanted;
}
