import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';

import { endProcess } from '../../deploy/lab/temporal/devServer.ts';
import { startPixLab, type PixLab } from '../../deploy/lab/pix/pixLab.ts';
import { withoutDurability } from '../../deploy/lab/postgres/postgres.contract.ts';
import { startWorker } from '../../deploy/lab/temporal/workerProcess.ts';
import type { RunProgress } from '../../workflows/runbook/runbook.contract.ts';
import { askPostgres } from './askPostgres.ts';
import { endings } from './endings.ts';
import { startDevServer } from './temporalServer.ts';
import { waitUntil } from './waitUntil.ts';

/** The lab of Pix, a real Temporal server and a worker process as in production. */
export interface PixBench extends PixLab {
  env: TestWorkflowEnvironment;
  /** Of the worker, for dumps under way. */
  workDirectory: string;
  start: (type: string, input: Record<string, unknown>) => Promise<WorkflowHandle>;
  run: <Report>(type: string, input: Record<string, unknown>) => Promise<Report>;
  progress: (handle: WorkflowHandle) => Promise<RunProgress>;
  until: (handle: WorkflowHandle, what: string, holds: (progress: RunProgress) => boolean) => Promise<void>;
  query: <Row extends object>(url: string, sql: string, values?: unknown[]) => Promise<Row[]>;
  /** SIGKILL: the next `startWorker` is another worker. */
  killWorker: () => Promise<void>;
  startWorker: () => Promise<void>;
  workerLog: () => Promise<string>;
  end: () => Promise<void>;
}

export async function openPixBench({ rows }: { rows: number }): Promise<PixBench> {
  const directory = await mkdtemp(join(tmpdir(), 'ns-pix-'));
  const { atEnd, end } = endings();
  atEnd(() => rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
  try {
    const lab = await startPixLab({ directory, rows, settings: withoutDurability });
    atEnd(lab.end);
    const env = await startDevServer();
    atEnd(() => env.teardown());
    const workDirectory = join(directory, 'work');
    const taskQueue = `pix-${process.pid}-${Date.now()}`;
    let worker: ChildProcess;
    const beginWorker = async (): Promise<void> => {
      worker = await startWorker({
        ...{ address: env.address, taskQueue, definitionDirectories: [lab.replicaDirectory] },
        ...{
          secretsDirectory: lab.secretsDirectory,
          postgresTools: lab.target.programs,
          workDirectory,
          log: join(directory, 'worker.log'),
        },
      });
    };
    await beginWorker();
    atEnd(() => endProcess(worker));
    let count = 0;
    const bench: PixBench = {
      ...lab,
      ...{ env, end, workDirectory, startWorker: beginWorker },
      async killWorker() {
        const exit = once(worker, 'exit');
        worker.kill('SIGKILL');
        await exit;
      },
      workerLog: () => readFile(join(directory, 'worker.log'), 'utf8'),
      start: async (type, input) => {
        count += 1;
        return env.client.workflow.start(type, { workflowId: `pix/${type}/${process.pid}-${count}`, taskQueue, args: [input] });
      },
      run: async (type, input) => (await (await bench.start(type, input)).result()) as never,
      progress: (handle) => handle.query<RunProgress>('progress'),
      until: (handle, what, holds) =>
        waitUntil(what, async () => {
          // Before its first task the run knows no query.
          const progress = await bench.progress(handle).catch(() => null);
          return progress !== null && holds(progress);
        }),
      query: askPostgres,
    };
    return bench;
  } catch (error) {
    await end().catch(() => undefined);
    throw error;
  }
}
