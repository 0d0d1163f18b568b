import { execa } from 'execa';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

import { failure } from '../failure.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import { endOf, redact, showControlCharacters } from '../tools/redact.ts';
import { quoted } from './identifiers.ts';

/** Client tools of PostgreSQL on the worker's machine. They must not be older than either server. */
export interface ClientTools {
  /** Path or name of a tool, for whoever starts it otherwise. */
  program(tool: ToolName): string;
  version(): Promise<ToolVersion>;
  /** Runs pg_dump, pg_restore or psql on a database. Answers standard output; the URL's parts go by environment, never by argument. */
  run(tool: ToolName, args: string[], options: RunOptions): Promise<string>;
  /** Starts one whose input and output are streams; both must be used to their end. Nothing is kept of them. */
  open(tool: ToolName, args: string[], options: Omit<RunOptions, 'outputBytesMax'>): OpenTool;
}

export interface ToolVersion {
  version: string;
  /** Like server_version_num. */
  versionNumber: number;
}

export type ToolName = 'pg_dump' | 'pg_restore' | 'psql';

export interface OpenTool {
  stdin: Writable;
  stdout: Readable;
  /** Settles when the process has gone; rejects as `run` does. What was read of `stdout` is worth nothing before it. */
  done: Promise<void>;
}

export interface RunOptions {
  /** Database to connect to; absent: none (`pg_restore --list`). */
  url?: string;
  application: string;
  signal?: AbortSignal;
  /** Lines of standard error as they come: progress. */
  onLine?: (line: string) => void;
  outputBytesMax?: number;
}

/** @param directory folder of the tools; null: those on the PATH. */
export function createClientTools(directory: string | null): ClientTools {
  const program = (tool: string): string => (directory ? join(directory, tool) : tool);
  const absent = (tool: string): Error =>
    failure(
      'CommandNotFound',
      `${tool} was not found ${directory ? `in ${directory}` : 'on the PATH'} of the worker (setting NIGHTSHIFT_POSTGRES_TOOLS)`,
    );
  return {
    program,
    async version() {
      const result = await execa(program('pg_dump'), ['--version'], { reject: false, stdin: 'ignore' });
      const [, major, minor] = /(\d+)\.(\d+)/.exec(result.stdout ?? '') ?? [];
      if (result.failed || !major) throw absent('pg_dump');
      return { version: `${major}.${minor}`, versionNumber: Number(major) * 10_000 + Number(minor) };
    },
    async run(tool, args, { outputBytesMax = 64_000_000, ...options }) {
      const child = execa(program(tool), args, {
        ...settingOf(tool, options),
        stdin: 'ignore',
        maxBuffer: outputBytesMax,
        buffer: { stderr: false },
      });
      const tail = readTail(child.iterable({ from: 'stderr' }), options.onLine);
      const ended = await child;
      judge(tool, ended, await tail, options.signal);
      return ended.stdout ?? '';
    },
    open(tool, args, options) {
      const child = execa(program(tool), args, { ...settingOf(tool, options), stdin: 'pipe', buffer: false });
      const tail = readTail(child.iterable({ from: 'stderr' }), options.onLine);
      // Whoever writes to a process that has gone is told by `done`.
      child.stdin.on('error', () => undefined);
      const done = (async () => judge(tool, await child, await tail, options.signal))();
      done.catch(() => undefined);
      return { stdin: child.stdin, stdout: child.stdout, done };
    },
  };

  function judge(tool: ToolName, { failed, exitCode, code, isCanceled }: Ended, tail: string, signal: AbortSignal | undefined): void {
    if (signal?.aborted || isCanceled) throw signal ? cancellationOf(signal) : new Error('cancelled');
    if (code === 'ENOENT') throw absent(tool);
    if (!failed) return;
    const told = redact(endOf(tail, 1200));
    throw failure(
      saysLostConnection(told) ? 'PostgresUnreachable' : 'PostgresFailed',
      `${tool} ended with ${exitCode ?? code ?? 'no exit code'}: ${told}`,
    );
  }
}

interface Ended {
  failed: boolean;
  exitCode?: number;
  code?: string;
  isCanceled: boolean;
}

function settingOf(tool: ToolName, { url, application, signal }: Pick<RunOptions, 'url' | 'application' | 'signal'>) {
  return {
    // The one at which psql cancels its statement on the server; the others do so at either.
    killSignal: tool === 'psql' ? 'SIGINT' : 'SIGTERM',
    env: { ...(url ? environmentOf(url) : {}), PGAPPNAME: application.slice(0, 63), LC_MESSAGES: 'C' },
    reject: false,
    forceKillAfterDelay: 10_000,
    ...(signal ? { cancelSignal: signal } : {}),
  } as const;
}

/** The last lines of standard error; each is told as it comes. */
async function readTail(lines: AsyncIterable<unknown>, onLine: RunOptions['onLine']): Promise<string> {
  const tail: string[] = [];
  try {
    for await (const line of lines) {
      const text = showControlCharacters(String(line));
      tail.push(text);
      if (tail.length > 40) tail.shift();
      onLine?.(text);
    }
  } catch {
    // The process was ended.
  }
  return tail.join('\n');
}

/** Arguments of pg_dump that leave schemas out, each by its exact name. */
export function withoutSchemas(schemas: readonly string[]): string[] {
  return schemas.map((name) => `--exclude-schema=${quoted(name)}`);
}

/** libpq's variables for a URL: what stands in an argument is seen by everybody on the machine. */
export function environmentOf(url: string): Record<string, string> {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const options: Record<string, string> = {
    sslmode: 'PGSSLMODE',
    sslrootcert: 'PGSSLROOTCERT',
    sslcert: 'PGSSLCERT',
    sslkey: 'PGSSLKEY',
    connect_timeout: 'PGCONNECT_TIMEOUT',
  };
  const given = Object.entries({
    PGHOST: searchParams.get('host') ?? decodeURIComponent(hostname),
    PGPORT: port,
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: decodeURIComponent(pathname.slice(1)),
  }).filter(([, value]) => value !== '');
  const extra = Object.entries(options).flatMap(([option, variable]) => {
    const value = searchParams.get(option);
    return value === null ? [] : [[variable, value] as const];
  });
  return Object.fromEntries([...given, ...extra]);
}

/**
 * Words of libpq, and of a server that ends its sessions. Which of them a tool says depends on what came first: the server's farewell, the end of the connection, or
 * its reset by a system that threw away what was still to be read.
 */
const lostConnection =
  /could not (connect|receive data|send data|translate host name)|connection (to server|reset|refused|timed out)|server closed the connection|terminating connection|no connection to the server|SSL (SYSCALL error|connection has been closed)|the database system is (starting up|shutting down|in recovery mode|not yet accepting)/i;

/** Whether the error output of a client tool says that there was no connection, or no more: another try may pass. */
export function saysLostConnection(told: string): boolean {
  return lostConnection.test(told);
}
