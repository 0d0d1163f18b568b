import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { identifyProcess, isRunning, type ProcessIdentity } from '../../activities/tools/processIdentity.ts';

const pauseMs = 200;
/** A lock without an owner is being made or taken over; after this long its maker died in between. */
const ownerlessMsMax = 120_000;

/**
 * Takes a lock between processes, waiting as long as its owner runs: a folder with the owner's identity. One whose owner has ended is
 * taken over. @param onWait called once, with the owner's process id, when there is somebody to wait for.
 * Returns what gives the lock back.
 */
export async function takeInstallLock(path: string, onWait: (owner: number) => void): Promise<() => Promise<void>> {
  for (let told = false; ;) {
    if (await make(path)) {
      await writeFile(join(path, 'owner.new'), JSON.stringify(identifyProcess(process.pid)));
      await rename(join(path, 'owner.new'), join(path, 'owner'));
      return () => rm(path, { recursive: true, force: true });
    }
    if (await isAbandoned(path)) {
      await takeAway(path);
      continue;
    }
    const owner = await ownerOf(path);
    if (owner && !told) {
      told = true;
      onWait(owner.pid);
    }
    await sleep(pauseMs);
  }
}

/** Only one process at a time looks again and removes: otherwise the slower of two would remove the lock of the faster. */
async function takeAway(path: string): Promise<void> {
  const guard = `${path}.takeover`;
  if (!(await make(guard))) {
    if (await isOlderThan(guard, ownerlessMsMax)) await rm(guard, { recursive: true, force: true });
    return sleep(pauseMs);
  }
  try {
    if (await isAbandoned(path)) await rm(path, { recursive: true, force: true });
  } finally {
    await rm(guard, { recursive: true, force: true });
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const owner = await ownerOf(path);
  return owner ? !isRunning(owner) : isOlderThan(path, ownerlessMsMax);
}

async function ownerOf(path: string): Promise<ProcessIdentity | null> {
  const text = await readFile(join(path, 'owner'), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as ProcessIdentity);
}

async function isOlderThan(path: string, milliseconds: number): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found !== null && Date.now() - found.mtimeMs > milliseconds;
}

/** Whether this call made the folder; false when it was there. */
async function make(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
