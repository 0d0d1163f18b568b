import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { spawnAs, type UnprivilegedUser } from '../machines/unprivileged.ts';

const readyLimitMs = 300_000;
/** How long the sessions of a killed server may hold its shared memory. */
const leftoverLimitMs = 120_000;
/** How long somebody else may have the port of a server that comes back: the end of a connection, a session of a killed predecessor. */
const portLimitMs = 30_000;
const pauseMs = 20;

export class PortTaken extends Error {}

export type Settings = Record<string, string | number | boolean>;

export interface Postmaster {
  /** Starts it with these settings over the others; returns when it takes connections, also after a recovery. */
  start(settings: Settings): Promise<void>;
  /** Ends it with this signal and waits for its exit; repeatable. */
  end(signal: 'SIGINT' | 'SIGKILL'): Promise<void>;
  /** Fast stop when it runs, then a start with the same settings. Who has its port for a moment is waited for. */
  restart(): Promise<void>;
  processId: () => number | null;
}

/** The one server process of a cluster. */
export function openPostmaster({
  data,
  logFile,
  programs,
  user,
  settings: lasting,
}: {
  data: string;
  logFile: string;
  programs: string;
  user: UnprivilegedUser;
  settings: Settings;
}): Postmaster {
  let child: ChildProcess | null = null;
  let settings = lasting;

  /** Null: the sessions of its killed predecessor are still there. */
  async function attempt(): Promise<ChildProcess | null> {
    const log = openSync(logFile, 'a');
    const logBefore = statSync(logFile).size;
    const chosen = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const started = spawnAs(user, [join(programs, 'postgres'), '-D', data, ...chosen], { stdio: ['ignore', log, log] });
    closeSync(log);
    let failed: Error | null = null;
    started.once('error', (error) => (failed = error));
    for (const deadline = Date.now() + readyLimitMs; !isReady(data, started); await pause(pauseMs)) {
      if (failed) throw new Error(`PostgreSQL could not be started: ${String(failed)}`);
      if (hasEnded(started)) {
        const said = readFileSync(logFile).subarray(logBefore).toString();
        if (/pre-existing shared memory block/.test(said)) return null;
        const end = said.trim().split('\n').slice(-5).join('\n');
        if (/could not bind .*(in use|EADDRINUSE)/.test(said)) throw new PortTaken(`the port ${settings.port} is taken:\n${end}`);
        throw new Error(`PostgreSQL ended at its start; ${logFile}:\n${end}`);
      }
      if (Date.now() > deadline) {
        started.kill('SIGKILL');
        throw new Error(`PostgreSQL was not ready after ${readyLimitMs / 1000} s; see ${logFile}`);
      }
    }
    return started;
  }

  async function start(): Promise<void> {
    for (const deadline = Date.now() + leftoverLimitMs; ; await pause(pauseMs)) {
      child = await attempt();
      if (child) return;
      if (Date.now() > deadline) throw new Error(`sessions of a killed server still hold ${data}`);
    }
  }

  async function end(signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
    if (!child || hasEnded(child)) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }

  return {
    async start(more) {
      settings = { ...lasting, ...more };
      await start();
    },
    end,
    async restart() {
      await end('SIGINT');
      for (const deadline = Date.now() + portLimitMs; ; await pause(pauseMs)) {
        try {
          return await start();
        } catch (error) {
          if (!(error instanceof PortTaken) || Date.now() > deadline) throw error;
        }
      }
    },
    processId: () => (child && !hasEnded(child) ? (child.pid ?? null) : null),
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** As pg_ctl tells it: the first line of postmaster.pid is the process, the eighth its state. */
function isReady(data: string, { pid }: ChildProcess): boolean {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}
