import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

import { childEnvironment } from './childEnvironment.ts';

/** A process of this machine that cannot be mistaken for a later one with the same id. */
export interface ProcessIdentity {
  pid: number;
  /** On Linux the boot of the machine and the clock ticks since then: "0b8c…/81234"; elsewhere the words of `ps`. */
  startedAt: string;
}

const hasProc = existsSync('/proc/self/stat');

/**
 * The running process with this id; null when there is none. One that has ended and waits for its parent counts as ended; one whose first thread has ended
 * before the others runs, with its files, ports and memory, until the last of them has gone.
 */
export function identifyProcess(pid: number): ProcessIdentity | null {
  try {
    if (!hasProc) return { pid, startedAt: psStart(pid) };
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name in brackets may hold spaces; field 3 (state) follows the last bracket, field 20 counts threads, field 22 is the start time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    const hasEnded = state === 'X' || (state === 'Z' && Number(fields[17]) <= 1);
    if (hasEnded) return null;
    return { pid, startedAt: `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${fields[19] ?? ''}` };
  } catch {
    return null;
  }
}

export function isRunning(identity: ProcessIdentity | null | undefined): identity is ProcessIdentity {
  return identity != null && identifyProcess(identity.pid)?.startedAt === identity.startedAt;
}

/** Sends a signal to exactly this process, or to the group that it leads; false when it has already ended. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals, whom: 'process' | 'group' = 'process'): boolean {
  if (!isRunning(identity)) return false;
  try {
    return process.kill(whom === 'group' ? -identity.pid : identity.pid, signal);
  } catch {
    return false;
  }
}

function psStart(pid: number): string {
  return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env: childEnvironment() }).trim();
}
