import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { Installer, Say, ToolName } from './installer.contract.ts';
import { installers } from './installers.ts';
import { takeInstallLock } from './installLock.ts';

export const toolNames = Object.keys(installers) as ToolName[];
const toolsDirectory = join(import.meta.dirname, '..', '..', '.nightshift', 'tools');
const progressMs = 15_000;
const silent: Say = () => undefined;

/**
 * Path of a tool's program (for supervisor: of the folder with supervisord and supervisorctl), installing it first when it is missing.
 * The order: a path that the environment names, a fitting one on the PATH, the project-local folder, an installation.
 */
export async function tool(name: ToolName, say: Say = silent): Promise<string> {
  return ensureInstalled(name, installers[name], toolsDirectory, say);
}

/** Has these tools, all at the same time, with one line for each: name, version, size, seconds. Throws, when all have ended, with every error. */
export async function installEverything(say: Say, names: readonly ToolName[] = toolNames): Promise<void> {
  const outcomes = await Promise.allSettled(names.map((name) => installAndTell(name, say)));
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as Error] : []));
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'), { cause: errors[0] });
}

async function installAndTell(name: ToolName, say: Say): Promise<void> {
  let installed = false;
  const program = await tool(name, (line) => {
    installed = true;
    say(line);
  });
  const home = homeOf(name, installers[name], toolsDirectory);
  if (!program.startsWith(home)) say(`${name}: ${program} is used`);
  else if (!installed) say(`${name} ${installers[name].version}: there, ${megabytes(await bytesBelow(home))} MB`);
}

/**
 * The program of one tool. Installed into `<directory>/<name>-<version>`, once: an interrupted installation is never taken for a
 * whole one, and of two processes that want the same tool one installs and the other waits. Throws what the installer throws, with the tool's name.
 */
export async function ensureInstalled(name: string, installer: Installer, directory: string, say: Say): Promise<string> {
  const found = installer.named() ?? (await installer.present?.());
  if (found) return found;
  const home = homeOf(name, installer, directory);
  const program = join(home, installer.program);
  if (await exists(program)) return program;
  const title = `${name} ${installer.version}`;
  await mkdir(directory, { recursive: true });
  const unlock = await takeInstallLock(`${home}.lock`, (owner) => say(`${title}: process ${owner} is installing it; waiting`));
  try {
    if (!(await exists(program))) await install(title, installer, home, say);
    return program;
  } finally {
    await unlock();
  }
}

async function install(title: string, installer: Installer, home: string, say: Say): Promise<void> {
  const beganMs = Date.now();
  const seconds = (): string => ((Date.now() - beganMs) / 1000).toFixed(0);
  say(`${title}: installing …`);
  const progress = setInterval(() => say(`${title}: still installing, ${seconds()} s`), progressMs);
  const partial = `${home}.partial`;
  try {
    await rm(partial, { recursive: true, force: true });
    // A folder without its program is none of ours.
    await rm(home, { recursive: true, force: true });
    await mkdir(partial);
    await installer.install(partial, home, (line) => say(`${title}: ${line}`));
    await rename(partial, home);
  } catch (error) {
    throw new Error(`${title}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    clearInterval(progress);
  }
  say(`${title}: installed in ${seconds()} s, ${megabytes(await bytesBelow(home))} MB`);
}

function homeOf(name: string, { version }: Installer, directory: string): string {
  return join(directory, `${name}-${version}`);
}

/** Sum of the sizes of all files below a folder; links do not count. */
async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = entries.filter((entry) => entry.isFile()).map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
