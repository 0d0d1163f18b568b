import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that cannot be mistaken for a later one with the same id. */
export interface ProcessIdentity {
  pid: number;
  /** Start time in the system's own words: clock ticks since boot on Linux, `ps` text elsewhere. */
  startedAt: string;
}

/** Environment variable that every process of a lab machine inherits; its value names the lab and the machine. */
export const markVariable = 'NIGHTSHIFT_LAB_MACHINE';

const hasProc = existsSync('/proc/self/stat');
const killLimitMs = 60_000;
const secondLookMs = 20;

/**
 * The running process with this id; null when there is none. One that has ended and waits for its parent counts as ended; one whose first thread has ended
 * before the others runs, with its files, ports and memory, until the last of them has gone.
 */
export function identifyProcess(pid: number): ProcessIdentity | null {
  try {
    if (!hasProc) return { pid, startedAt: execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() };
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name in brackets may hold spaces; field 3 (state) follows the last bracket, field 20 counts threads, field 22 is the start time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    const hasEnded = state === 'X' || (state === 'Z' && Number(fields[17]) <= 1);
    return hasEnded ? null : { pid, startedAt: fields[19] ?? '' };
  } catch {
    return null;
  }
}

export function isRunning(identity: ProcessIdentity | null | undefined): identity is ProcessIdentity {
  return identity != null && identifyProcess(identity.pid)?.startedAt === identity.startedAt;
}

/** Sends a signal to exactly this process; false when it has already ended. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch {
    return false;
  }
}

/** Waits until every process has ended, at most `limitMs`; returns those that still run. */
export async function waitForEnd(identities: ProcessIdentity[], limitMs: number): Promise<ProcessIdentity[]> {
  const deadline = Date.now() + limitMs;
  let left = identities.filter(isRunning);
  while (left.length > 0 && Date.now() < deadline) {
    await sleep(20);
    left = left.filter(isRunning);
  }
  return left;
}

/** Every process that inherited the mark, whatever became of its parent; by its ancestors where the system does not show environments. */
export function findMarkedProcesses(mark: string, roots: ProcessIdentity[]): ProcessIdentity[] {
  if (!hasProc) return descendants(roots.filter(isRunning));
  const wanted = Buffer.from(`${markVariable}=${mark}\0`);
  const found: ProcessIdentity[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (!readFileSync(`/proc/${entry}/environ`).includes(wanted)) continue;
    } catch {
      // Ended meanwhile, or another user's.
      continue;
    }
    const identity = identifyProcess(Number(entry));
    if (identity) found.push(identity);
  }
  return found;
}

function descendants(roots: ProcessIdentity[]): ProcessIdentity[] {
  const rows = execFileSync('ps', ['-axo', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number));
  const family = new Set(roots.map(({ pid }) => pid));
  for (let grew = true; grew;) {
    grew = false;
    for (const [pid, parent] of rows) {
      if (pid === undefined || parent === undefined || family.has(pid) || !family.has(parent)) continue;
      family.add(pid);
      grew = true;
    }
  }
  return [...family].map(identifyProcess).filter((identity) => identity !== null);
}

/**
 * Power loss: KILL to all that carry the mark, again until none is left. Looked twice: a process has no environment for the moment in which it becomes another
 * program. Throws when some do not end within `killLimitMs`, as in the middle of a slow write.
 */
export async function killMarked(mark: string, roots: ProcessIdentity[]): Promise<number> {
  const deadline = Date.now() + killLimitMs;
  const killed = new Set<number>();
  for (let emptyLooks = 0; ;) {
    const left = findMarkedProcesses(mark, roots);
    emptyLooks = left.length === 0 ? emptyLooks + 1 : 0;
    if (emptyLooks === 2) return killed.size;
    if (emptyLooks === 1) {
      await sleep(secondLookMs);
      continue;
    }
    if (Date.now() > deadline) throw new Error(`processes ${left.map(({ pid }) => pid).join(', ')} of ${mark} do not end on KILL`);
    for (const identity of left) {
      signalProcess(identity, 'SIGKILL');
      killed.add(identity.pid);
    }
    await waitForEnd(left, 1000);
  }
}
