import { readFileSync } from 'node:fs';
import { posix } from 'node:path';

import { cancellationSignal } from '@temporalio/activity';

import { failure } from '../failure.ts';
import type { CommandResult, Host, RunOptions } from './host.ts';

/** Reads shell scripts that stand beside a module: their text, one after the other. */
export function readScripts(moduleUrl: string): (...names: string[]) => string {
  return (...names) => names.map((name) => readFileSync(new URL(name, moduleUrl), 'utf8')).join('\n');
}

/** Short looks and small changes; a host that takes longer is in trouble. */
const usualLimitSeconds = 45;

/**
 * Runs a fixed script of ours on the host; what varies are its positional arguments. As root where the service manager needs sudo:
 * the files of the services belong to other users there, as the units do.
 */
export function runScript(host: Host, script: string, args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
  const { serviceManager } = host.ref;
  const prefix = serviceManager.kind === 'systemd' && serviceManager.sudo ? ['sudo', '-n'] : [];
  return host.run([...prefix, 'bash', '-c', script, 'nightshift', ...args], {
    signal: cancellationSignal(),
    timeoutSeconds: usualLimitSeconds,
    ...options,
  });
}

/** Paths are absolute and say plainly where they lead. */
export function checkPath(path: string): void {
  if (!path.startsWith('/') || posix.normalize(path) !== path || path.includes('\0') || (path.endsWith('/') && path !== '/')) {
    throw failure('InvalidInput', `${JSON.stringify(path)} is not a plain absolute path`, { path });
  }
}

export function checkPathBelow(path: string, below: string): void {
  checkPath(path);
  if (!path.startsWith(below === '/' ? '/' : `${below}/`) || path === below)
    throw failure('InvalidInput', `${path} is not below ${below}`, { path, below });
}
