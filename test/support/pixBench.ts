import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import pg from 'pg';
import { stringify } from 'yaml';

import { endProcess } from '../../deploy/lab/devServer.ts';
import { withoutDurability, type PostgresServer } from '../../deploy/lab/postgres/postgres.contract.ts';
import { fillPixSource } from '../../deploy/lab/postgres/pixSource/pixSource.ts';
import { startPostgres } from '../../deploy/lab/postgres/startPostgres.ts';
import { startWorker } from '../../deploy/lab/workerProcess.ts';
import type { RunProgress } from '../../workflows/runbook/runbook.contract.ts';
import { startDevServer } from './temporalServer.ts';
import { waitUntil } from './waitUntil.ts';

/** Two real PostgreSQL servers, a source with rows, an empty warehouse, a real Temporal server and a worker process as in production. */
export interface PixBench {
  env: TestWorkflowEnvironment;
  source: PostgresServer;
  target: PostgresServer;
  sourceUrl: string;
  targetUrl: string;
  /** Writes the replica file under the name and answers it. */
  describeReplica: (name: string, fields?: Record<string, unknown>) => Promise<string>;
  setSecret: (name: string, value: string) => Promise<void>;
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
  // The servers may run as another user.
  await chmod(directory, 0o755);
  const ends: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
  const end = async (): Promise<void> => {
    const errors: unknown[] = [];
    for (const each of ends.splice(0).reverse()) await each().catch((error: unknown) => errors.push(error));
    if (errors.length > 0) throw errors[0];
  };
  try {
    const [secrets, replicas] = [join(directory, 'secrets'), join(directory, 'replicas')];
    await Promise.all([mkdir(secrets, { mode: 0o700 }), mkdir(replicas)]);
    const open = async (name: string): Promise<PostgresServer> => {
      const server = await startPostgres({ directory: join(directory, name), settings: withoutDurability });
      ends.push(() => server.remove());
      return server;
    };
    const [source, target, env] = await Promise.all([open('source'), open('target'), startDevServer()]);
    ends.push(() => env.teardown());
    const sourceUrl = await source.createDatabase({ name: 'pix', owner: 'pix_owner', password: 'canary-source-7f3a' });
    const targetUrl = await target.createDatabase({ name: 'warehouse', owner: 'warehouse_owner', password: 'canary-target-91be' });
    await fillPixSource({ url: sourceUrl, rows });
    const setSecret = (name: string, value: string): Promise<void> => writeFile(join(secrets, name), value, { mode: 0o600 });
    await setSecret('pix-source', sourceUrl);
    await setSecret('pix-target', targetUrl);
    const taskQueue = `pix-${process.pid}-${Date.now()}`;
    let worker: ChildProcess;
    const beginWorker = async (): Promise<void> => {
      worker = await startWorker({
        ...{ address: env.address, taskQueue, platformDirectories: [], replicaDirectories: [replicas], secretsDirectory: secrets },
        ...{ postgresTools: target.programs, log: join(directory, 'worker.log') },
      });
    };
    await beginWorker();
    ends.push(() => endProcess(worker));
    let count = 0;
    const bench: PixBench = {
      ...{ env, source, target, sourceUrl, targetUrl, setSecret, end, startWorker: beginWorker },
      async killWorker() {
        const exit = once(worker, 'exit');
        worker.kill('SIGKILL');
        await exit;
      },
      workerLog: () => readFile(join(directory, 'worker.log'), 'utf8'),
      async describeReplica(name, fields = {}) {
        const document = { title: 'test', source: { url: 'pix-source' }, target: { url: 'pix-target' }, ...fields };
        await writeFile(join(replicas, `${name}.yaml`), stringify(document));
        return name;
      },
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
      async query(url, sql, values = []) {
        const client = new pg.Client({ connectionString: url });
        await client.connect();
        try {
          return (await client.query(sql, values)).rows as never;
        } finally {
          await client.end();
        }
      },
    };
    return bench;
  } catch (error) {
    await end().catch(() => undefined);
    throw error;
  }
}
