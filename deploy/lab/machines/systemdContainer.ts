import { spawn } from 'node:child_process';
import { existsSync, openSync, closeSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { identifyProcess, isRunning, signalProcess, type ProcessIdentity } from '../../../activities/tools/processIdentity.ts';
import { waitForEnd } from './processes.ts';

const bootProgram = fileURLToPath(new URL('./systemdBoot.sh', import.meta.url));
/** systemd's own request for an orderly power-off: SIGRTMIN+4. */
const powerOffSignal = 38;
const endLimitMs = 60_000;
const listening = '0A';

/** Control group hierarchies that carry systemd's groups: v1 by name, the unified one beside it, or the unified one alone. */
export function controlGroupRoots(): string[] {
  const base = '/sys/fs/cgroup';
  return [`${base}/systemd`, `${base}/unified`, base].filter((root) => existsSync(join(root, 'cgroup.procs')));
}

/** A container whose processes are told by their control group, so that any process of the lab can find and end them. */
export interface Container {
  /** Its PID 1; null while it is off. */
  leader(): ProcessIdentity | null;
  /** Everything of it: its processes, and the two that run it. */
  processes(): ProcessIdentity[];
  /** Boots it; returns at once. Its console goes to the log. Answers, asked later, whether what runs it has ended. */
  start(arguments_: string[], logFile: string): () => boolean;
  /** Whether a program of it listens on the port. */
  listens(port: number): boolean;
  /** Orderly power-off, at most `limitMs`, then as `kill`. */
  stop(limitMs: number): Promise<void>;
  /** Loss of power: KILL to its PID 1, which takes the rest along. Throws when something stays. */
  kill(): Promise<void>;
  removeControlGroups(): void;
}

/** @param name of the control group: unique on this computer. */
export function createContainer(name: string): Container {
  const groups = controlGroupRoots().map((root) => join(root, name));

  function processes(): ProcessIdentity[] {
    const ids = new Set(groups.flatMap(processIdsBelow));
    return [...ids].map(identifyProcess).filter((identity) => identity !== null);
  }

  function leader(): ProcessIdentity | null {
    return processes().find(({ pid }) => isInitOfNamespaceBelowOurs(pid)) ?? null;
  }

  async function kill(): Promise<void> {
    const all = processes();
    const init = leader();
    if (init) {
      signalProcess(init, 'SIGKILL');
      await waitForEnd(all, endLimitMs);
    }
    for (const identity of processes()) signalProcess(identity, 'SIGKILL');
    const left = await waitForEnd(processes(), endLimitMs);
    if (left.length > 0) throw new Error(`processes ${left.map(({ pid }) => pid).join(', ')} of ${name} do not end on KILL`);
  }

  return {
    leader,
    processes,
    kill,

    start(arguments_, logFile) {
      const log = openSync(logFile, 'a');
      // A session of its own: Ctrl-C in the terminal of the lab is no power loss.
      const child = spawn('bash', [bootProgram, ...groups, '--', ...arguments_], {
        detached: true,
        stdio: ['ignore', log, log],
        env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', SYSTEMD_NSPAWN_TMPFS_TMP: '0' },
      });
      closeSync(log);
      child.on('error', () => undefined);
      child.unref();
      return () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
    },

    listens(port) {
      const init = leader();
      if (!init) return false;
      const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
      const tables = [`/proc/${init.pid}/net/tcp`, `/proc/${init.pid}/net/tcp6`].map(readOrEmpty);
      return tables.some((table) =>
        table.split('\n').some((line) => {
          const [, local = '', , state] = line.trim().split(/\s+/);
          return state === listening && local.endsWith(wanted);
        }),
      );
    },

    async stop(limitMs) {
      const init = leader();
      if (init && isRunning(init)) process.kill(init.pid, powerOffSignal);
      await waitForEnd(processes(), limitMs);
      await kill();
    },

    removeControlGroups() {
      for (const group of groups) removeGroup(group);
    },
  };
}

function processIdsBelow(group: string): number[] {
  if (!existsSync(group)) return [];
  const here = readOrEmpty(join(group, 'cgroup.procs')).split('\n').filter(Boolean).map(Number);
  return [...here, ...groupsBelow(group).flatMap(processIdsBelow)];
}

/** Groups come and go while a machine runs. */
function groupsBelow(group: string): string[] {
  try {
    return readdirSync(group, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [join(group, entry.name)] : []));
  } catch {
    return [];
  }
}

function removeGroup(group: string): void {
  for (const below of groupsBelow(group)) removeGroup(below);
  if (existsSync(group)) rmdirSync(group);
}

/** NSpid lists the ids of a process from our namespace inwards: one level deeper and number 1 there. */
function isInitOfNamespaceBelowOurs(pid: number): boolean {
  const idsOf = (process_: string): string[] => /^NSpid:\s*(.+)$/m.exec(readOrEmpty(`/proc/${process_}/status`))?.[1]?.split(/\s+/) ?? [];
  const ids = idsOf(String(pid));
  return ids.length === idsOf('self').length + 1 && ids.at(-1) === '1';
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
