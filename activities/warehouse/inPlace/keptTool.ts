import { readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { CancelledFailure } from '@temporalio/common';

import { failure } from '../../failure.ts';
import { cancellationOf } from '../../tools/cancellation.ts';
import { identifyProcess, isRunning, signalProcess, type ProcessIdentity } from '../../tools/processIdentity.ts';
import { environmentOf, type ClientTools, type ToolName } from '../../postgres/clientTools.ts';
import type { Connections } from '../../postgres/connections.ts';
import { giveOrder, spawnKeeper } from '../keeperProcess.ts';
import type { PostgresRef } from '../../postgres/postgres.contract.ts';
import { readJson, writeJson } from './workFiles.ts';
import type { KeeperOrder, KeptResult } from './toolKeeper.ts';

export interface KeptTool {
  /** Names the files of the tool in `directory`: one tool of a name at a time. */
  name: string;
  directory: string;
  tool: ToolName;
  args: string[];
  server: PostgresRef;
  application: string;
  /** Server settings of the tool's sessions. */
  settings?: Record<string, string>;
  idleSeconds: number;
}

export interface Kept {
  exitCode: number;
  /** Standard error. */
  log: string;
}

export interface KeptToolContext {
  connections: Connections;
  tools: ClientTools;
}

/**
 * Runs a client tool by its keeper, or goes on waiting for the one that an attempt before began. A cancel ends it; a worker that only shuts down leaves it
 * to the next attempt. A keeper that was lost with its machine is not begun again here: the caller knows what has to be cleared first.
 * @returns null when the keeper that was waited for is gone without a result, or when only one under way was wanted and there is none.
 */
export async function runKept(
  context: KeptToolContext,
  kept: KeptTool,
  signal: AbortSignal,
  { onlyWhenUnderWay = false }: { onlyWhenUnderWay?: boolean } = {},
): Promise<Kept | null> {
  const files = filesOf(kept.directory, kept.name);
  if (!(await readJson<ProcessIdentity>(files.job))) {
    if (onlyWhenUnderWay) return null;
    await begin(context, kept);
  }
  for (let pauseMs = 100; ; pauseMs = Math.min(1_000, pauseMs * 1.2)) {
    const job = await readJson<ProcessIdentity>(files.job);
    const alive = isRunning(job);
    const result = await readJson<KeptResult>(files.result);
    if (result) return ended(kept, result);
    if (!alive) return null;
    await utimes(files.attended, new Date(), new Date());
    if (!signal.aborted) await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) continue;
    if (!isLeftRunning(signal)) await endKept(context, kept);
    throw cancellationOf(signal);
  }
}

/** Ends the tool of that name and its sessions, and forgets its end, so that the next `runKept` begins anew. */
export async function endKept(
  { connections }: Pick<KeptToolContext, 'connections'>,
  { directory, name, server, application }: Pick<KeptTool, 'directory' | 'name' | 'server' | 'application'>,
): Promise<void> {
  const files = filesOf(directory, name);
  const job = await readJson<ProcessIdentity>(files.job);
  if (isRunning(job)) {
    signalProcess(job, 'SIGTERM');
    for (let waits = 0; waits < 100 && isRunning(job); waits += 1) await pause(100);
    // The whole group: a tool that does not end by itself.
    signalProcess(job, 'SIGKILL', 'group');
  }
  await endSessions(connections, server, application);
  for (const path of Object.values(files)) await rm(path, { force: true });
}

/** A tool that lost its keeper still has its sessions: they must not write into what the next attempt makes. */
async function endSessions({ session }: Connections, server: PostgresRef, application: string): Promise<void> {
  await session(server, { application: 'nightshift in place clear' }, async (client) => {
    for (;;) {
      const { rowCount } = await client.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and usename = current_user and pid <> pg_backend_pid()',
        [application.slice(0, 63)],
      );
      if (!rowCount) return;
      await pause(100);
    }
  });
}

export async function readKeptLog(directory: string, name: string): Promise<string> {
  return readFile(filesOf(directory, name).log, 'utf8').catch(() => '');
}

function filesOf(directory: string, name: string): Record<'job' | 'result' | 'log' | 'attended', string> {
  const file = (end: string): string => join(directory, `${name}.${end}`);
  return { job: file('job.json'), result: file('result.json'), log: file('log'), attended: file('attended') };
}

async function begin({ connections, tools }: KeptToolContext, kept: KeptTool): Promise<void> {
  const files = filesOf(kept.directory, kept.name);
  await rm(files.result, { force: true });
  await writeFile(files.log, '', { mode: 0o600 });
  await writeFile(files.attended, '', { mode: 0o600 });
  const settings = Object.entries({ statement_timeout: '0', ...kept.settings }).map(([name, value]) => `-c ${name}=${value}`);
  const order: KeeperOrder = {
    program: tools.program(kept.tool),
    args: kept.args,
    env: {
      ...environmentOf(await connections.urlOf(kept.server)),
      PGAPPNAME: kept.application.slice(0, 63),
      PGOPTIONS: settings.join(' '),
      LC_MESSAGES: 'C',
    },
    log: files.log,
    result: files.result,
    attended: files.attended,
    idleSeconds: kept.idleSeconds,
  };
  const child = spawnKeeper(new URL('./toolKeeper.ts', import.meta.url), 'ignore');
  child.once('error', () => undefined);
  if (child.pid === undefined) throw failure('CommandFailed', 'no more processes can be started on the worker');
  // Known before it works: a worker that dies right here finds it again.
  await writeJson(files.job, identifyProcess(child.pid) ?? ({ pid: child.pid, startedAt: '' } satisfies ProcessIdentity));
  giveOrder(child, order);
  child.unref();
}

async function ended({ name, directory, tool }: KeptTool, { exitCode, signal, error, idle }: KeptResult): Promise<Kept> {
  const files = filesOf(directory, name);
  const log = await readKeptLog(directory, name);
  // A good end is answered again when its answer was lost; after a bad one the next call begins anew.
  if (exitCode !== 0) await rm(files.job, { force: true });
  if (error === 'ENOENT') throw failure('CommandNotFound', `${tool} was not found on the worker (setting NIGHTSHIFT_POSTGRES_TOOLS)`);
  if (error !== null) throw failure('CommandFailed', `${tool} could not be started: ${error}`);
  if (exitCode === null)
    throw failure('CommandFailed', `${tool} was ended by ${signal ?? 'a signal'}${idle ? ': no worker was watching it' : ''}`);
  return { exitCode, log };
}

function isLeftRunning({ reason }: AbortSignal): boolean {
  return reason instanceof CancelledFailure && (reason.message === 'WORKER_SHUTDOWN' || reason.message === 'TIMED_OUT');
}
