import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { childEnvironment } from '../tools/childEnvironment.ts';

/** A process of its own that outlives the worker; it waits for its order. */
export function spawnKeeper(program: URL, stdout: 'pipe'): ChildProcessByStdio<Writable, Readable, null>;
export function spawnKeeper(program: URL, stdout: 'ignore'): ChildProcessByStdio<Writable, null, null>;
export function spawnKeeper(program: URL, stdout: 'pipe' | 'ignore'): ChildProcessByStdio<Writable, Readable | null, null> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', fileURLToPath(program)], {
    detached: true,
    stdio: ['pipe', stdout as 'pipe', 'ignore'],
    cwd: '/',
    env: childEnvironment(),
  });
  child.stdin.on('error', () => undefined);
  return child;
}

/** One JSON line on the keeper's standard input, so that a password stands in no argument and no environment. */
export function giveOrder({ stdin }: { stdin: Writable }, order: object): void {
  stdin.end(`${JSON.stringify(order)}\n`);
}

/** The keeper's side of `giveOrder`. */
export async function readOrder<Order>(): Promise<Order> {
  const lines = createInterface({ input: process.stdin });
  const { value } = (await lines[Symbol.asyncIterator]().next()) as { value: string };
  lines.close();
  return JSON.parse(value) as Order;
}
