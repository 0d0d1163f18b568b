// A process of its own that runs one client tool to its end while workers come and go. Reads one JSON line from standard input (so that the
// password stands in no argument), and then is silent: the tool's error output goes to `log`, its end to `result`. It ends the tool on SIGTERM, and
// when nobody touched `attended` for a while.
import { renameSync, statSync, writeFileSync } from 'node:fs';

import { execa } from 'execa';

import { childEnvironment } from '../../tools/childEnvironment.ts';
import { readOrder } from '../keeperProcess.ts';

export interface KeeperOrder {
  program: string;
  args: string[];
  env: Record<string, string>;
  log: string;
  result: string;
  attended: string;
  idleSeconds: number;
}

export interface KeptResult {
  exitCode: number | null;
  signal: string | null;
  /** Why the tool could not be started. */
  error: string | null;
  /** Nobody looked after the tool any more. */
  idle: boolean;
}

const pollMs = 2_000;

async function main(): Promise<void> {
  const order = await readOrder<KeeperOrder>();
  const tool = execa(order.program, order.args, {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: { file: order.log },
    buffer: false,
    extendEnv: false,
    env: childEnvironment(order.env),
    cwd: '/',
    reject: false,
  });
  process.on('SIGTERM', () => tool.kill('SIGTERM'));
  let idle = false;
  const watch = setInterval(() => {
    idle = Date.now() - touchedMs(order.attended) > order.idleSeconds * 1000;
    if (idle) tool.kill('SIGTERM');
  }, pollMs);
  const { exitCode = null, signal = null, code: error = null } = await tool;
  clearInterval(watch);
  const result: KeptResult = { exitCode, signal, error: exitCode === null && signal === null ? error : null, idle };
  writeFileSync(`${order.result}.partial`, JSON.stringify(result), { mode: 0o600 });
  renameSync(`${order.result}.partial`, order.result);
}

/** A file that is gone counts as never touched: the run's folder was removed. */
function touchedMs(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

if (import.meta.main) await main();
