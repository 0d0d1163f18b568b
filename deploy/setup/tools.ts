import { constants } from 'node:fs';
import { access, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { installers, type ToolName } from './installers.ts';

export type { ToolName } from './installers.ts';
export type Say = (line: string) => void;

export const toolsDirectory = join(import.meta.dirname, '..', '..', '.nightshift', 'tools');

const silent: Say = () => undefined;
const lockPauseMs = 300;

/**
 * Path of a tool's program (for supervisor: of the folder with supervisord and supervisorctl), installing it first when it is missing: into the
 * project-local folder, pinned by version, once. An interrupted install is never taken for a whole one; of two processes that want
 * the same tool, one installs and the other waits.
 */
export async function tool(name: ToolName, say: Say = silent): Promise<string> {
  const installer = installers[name];
  const elsewhere = await installer.elsewhere();
  if (elsewhere) return elsewhere;
  const home = join(toolsDirectory, `${name}-${installer.version}`);
  const program = join(home, installer.program);
  if (await exists(program)) return program;
  await mkdir(toolsDirectory, { recursive: true });
  const unlock = await lock(`${home}.lock`, say, name);
  try {
    if (await exists(program)) return program;
    const beganMs = Date.now();
    say(`${name} ${installer.version}: installing …`);
    const ticking = setInterval(() => say(`${name} ${installer.version}: still at it, ${seconds(beganMs)} s`), 15_000);
    const partial = `${home}.partial`;
    try {
      await rm(partial, { recursive: true, force: true });
      await mkdir(partial, { recursive: true });
      await installer.install(partial, home);
      await rename(partial, home);
    } finally {
      clearInterval(ticking);
    }
    await installer.settle?.(home);
    const { size } = await stat(program);
    say(`${name} ${installer.version}: installed in ${seconds(beganMs)} s, program ${(size / 1e6).toFixed(1)} MB`);
    return program;
  } finally {
    await unlock();
  }
}

/** Installs all tools, one after the other (they compete for the same processors), with one progress line per part. */
export async function installEverything(say: Say): Promise<void> {
  for (const name of Object.keys(installers) as ToolName[]) await tool(name, say);
}

function seconds(beganMs: number): string {
  return ((Date.now() - beganMs) / 1000).toFixed(0);
}

async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}

/** A lock folder with its owner's process id: a lock whose owner is gone is taken over. */
async function lock(path: string, say: Say, name: string): Promise<() => Promise<void>> {
  for (let told = false; ;) {
    try {
      await mkdir(path);
      await writeFile(join(path, 'pid'), String(process.pid));
      return () => rm(path, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = Number(await readFile(join(path, 'pid'), 'utf8').catch(() => ''));
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (owner > 0 ? !alive(owner) : Date.now() - mtimeMs > 10_000) {
      await rm(path, { recursive: true, force: true });
      continue;
    }
    if (!told) say(`${name}: process ${owner} is installing it; waiting`);
    told = true;
    await pause(lockPauseMs);
  }
}

function alive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
