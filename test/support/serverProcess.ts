import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

import { freePort } from '../../deploy/lab/freePort.ts';
import { accepts } from '../../deploy/lab/machines/waitForListener.ts';

const readyLimitMs = 180_000;
const starts = 5;
const wordsMax = 4_000;

export interface ServerProcess {
  address: string;
  stop: () => Promise<void>;
}

/**
 * A server of a test on a port of its own, waited for as long as a busy machine takes. One that ends before it is ready, as when somebody took its port or
 * one that it took by itself, is started anew on another; the error of the last one has its words.
 * @param isReady throws while it does not answer as it should; asked once the port is open.
 */
export async function startServerProcess(
  program: string,
  argumentsOn: (port: number) => string[],
  isReady: (address: string) => Promise<void>,
): Promise<ServerProcess> {
  for (let start = 1; ; start += 1) {
    const port = await freePort();
    const address = `127.0.0.1:${port}`;
    const child = spawn(program, argumentsOn(port), { stdio: ['ignore', 'pipe', 'pipe'] });
    const end = (): void => void child.kill('SIGKILL');
    process.once('exit', end);
    const stop = async (): Promise<void> => {
      process.off('exit', end);
      if (hasEnded(child)) return;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    };
    let said = '';
    child.once('error', (error) => (said += String(error)));
    for (const output of [child.stdout, child.stderr])
      output.on('data', (words: Buffer) => (said = `${said}${words.toString()}`.slice(-wordsMax)));
    if (await becomesReady(child, port, () => isReady(address))) return { address, stop };
    const how = hasEnded(child) ? 'ended at its start' : `is not ready after ${readyLimitMs / 1000} s`;
    await stop();
    if (start === starts) throw new Error(`${program} ${how}: ${said}`);
  }
}

async function becomesReady(child: ChildProcess, port: number, isReady: () => Promise<void>): Promise<boolean> {
  for (const deadline = Date.now() + readyLimitMs; Date.now() < deadline && !hasEnded(child); await pause(50)) {
    if (!(await accepts({ host: '127.0.0.1', port }))) continue;
    const ready = await isReady().then(
      () => true,
      () => false,
    );
    // Another server on a port that this one could not have does not count.
    if (ready) return !hasEnded(child);
  }
  return false;
}

function hasEnded({ exitCode, signalCode, pid }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null;
}
