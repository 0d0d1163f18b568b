import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const projectRoot = join(import.meta.dirname, '..', '..', '..');
/** The first start after a change makes the bundle of the workflows: ten seconds of a quick machine. */
const readyLimitMs = 300_000;

export interface WorkerOptions {
  address: string;
  namespace?: string;
  taskQueue?: string;
  definitionDirectories: string[];
  secretsDirectory: string;
  /** Folder of pg_dump and pg_restore. */
  postgresTools?: string;
  /** For dumps under way; absent: the project's own. */
  workDirectory?: string;
  log: string;
}

/** The operations worker as a process of its own, as in production: it can be killed and comes back by a new start. Resolves when it is ready. */
export async function startWorker({
  address,
  namespace,
  taskQueue,
  definitionDirectories,
  secretsDirectory,
  postgresTools,
  workDirectory,
  log,
}: WorkerOptions): Promise<ChildProcess> {
  const output = openSync(log, 'a');
  const from = statSync(log).size;
  const child = spawn(
    process.execPath,
    ['--stack-trace-limit=0', '--disable-warning=ExperimentalWarning', join(projectRoot, 'workers', 'operations.ts')],
    {
      stdio: ['ignore', output, output],
      detached: true,
      env: {
        ...process.env,
        TEMPORAL_ADDRESS: address,
        ...(namespace ? { TEMPORAL_NAMESPACE: namespace } : {}),
        ...(taskQueue ? { NIGHTSHIFT_TASK_QUEUE: taskQueue } : {}),
        NIGHTSHIFT_DEFINITIONS: definitionDirectories.join(':'),
        NIGHTSHIFT_SECRETS: secretsDirectory,
        ...(postgresTools ? { NIGHTSHIFT_POSTGRES_TOOLS: postgresTools } : {}),
        ...(workDirectory ? { NIGHTSHIFT_WORK_DIRECTORY: workDirectory } : {}),
        NIGHTSHIFT_SHUTDOWN_GRACE_SECONDS: '5',
      },
    },
  );
  for (const deadline = Date.now() + readyLimitMs; ; await pause(100)) {
    if (readFileSync(log).subarray(from).includes('worker ready')) return child;
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the worker ended with ${child.exitCode ?? child.signalCode}; see ${log}`);
    if (Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`the worker is not ready after ${readyLimitMs / 1000} s; see ${log}`);
    }
  }
}
