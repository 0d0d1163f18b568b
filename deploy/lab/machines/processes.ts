import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { identifyProcess, isRunning, signalProcess, type ProcessIdentity } from '../../../activities/tools/processIdentity.ts';

/** Environment variable that every process of a lab machine inherits; its value names the lab and the machine. */
export const markVariable = 'NIGHTSHIFT_LAB_MACHINE';

const hasProc = existsSync('/proc/self/stat');
const killLimitMs = 60_000;
const secondLookMs = 20;

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
