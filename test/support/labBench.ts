import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import type { Client } from '@temporalio/client';
import { type WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';

import { createLab } from '../../deploy/lab/vitam/createLab.ts';
import { endProcess } from '../../deploy/lab/temporal/devServer.ts';
import type { Lab } from '../../deploy/lab/vitam/lab.contract.ts';
import { startWorker } from '../../deploy/lab/temporal/workerProcess.ts';
import type { RunProgress } from '../../workflows/runbook/runbook.contract.ts';
import { operationsQueue } from '../../workflows/names.contract.ts';
import type { BackupProofReport } from '../../workflows/vitam/backupProof.contract.ts';
import type { ColdBackupReport } from '../../workflows/vitam/coldBackup.contract.ts';
import type { StatusReport } from '../../workflows/vitam/status.contract.ts';
import { endings } from './endings.ts';
import { startDevServer } from './temporalServer.ts';

/** A small lab, a dev server and a worker process, for tests of whole procedures. */
export interface LabBench {
  lab: Lab;
  client: Client;
  start: (input?: Record<string, unknown>) => Promise<WorkflowHandle>;
  backUp: (input?: Record<string, unknown>) => Promise<ColdBackupReport>;
  prove: (set: string) => Promise<BackupProofReport>;
  status: () => Promise<StatusReport>;
  execute: <Result>(type: string, input: Record<string, unknown>) => Promise<Result>;
  progress: (handle: WorkflowHandle) => Promise<RunProgress>;
  /** Resolves when a step of the run is as asked. */
  until: (handle: WorkflowHandle, what: string, holds: (progress: RunProgress) => boolean) => Promise<RunProgress>;
  killWorker: () => Promise<void>;
  startWorker: () => Promise<void>;
  /** Names of what runs, for comparison before and after. */
  running: () => Promise<string[]>;
  /** Paths below every backup directory, without those of complete sets. */
  leftInBackups: () => Promise<string[]>;
  end: () => Promise<void>;
}

const untilLimitMs = 600_000;

export async function openLabBench({
  machines,
  megabytesPerShard,
}: {
  machines: 'supervisor' | 'systemd';
  megabytesPerShard: number;
}): Promise<LabBench> {
  const directory = await mkdtemp(join(tmpdir(), 'ns-lab-'));
  const { atEnd, end } = endings();
  atEnd(() => rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
  try {
    const lab = await createLab({ directory, shape: 'small', megabytesPerShard, machines });
    atEnd(() => lab.down());
    await lab.up((line) => console.log(`# ${line}`));
    const env: TestWorkflowEnvironment = await startDevServer();
    atEnd(() => env.teardown());
    let worker: ChildProcess;
    const begin = async (): Promise<void> => {
      worker = await startWorker({
        address: env.address,
        definitionDirectories: [directory],
        secretsDirectory: lab.secretsDirectory,
        log: join(directory, 'worker.log'),
      });
    };
    await begin();
    atEnd(() => endProcess(worker));
    return { ...actions(lab, env.client), lab, client: env.client, end, startWorker: begin, killWorker: () => kill(worker) };
  } catch (error) {
    await end();
    throw error;
  }
}

async function kill(worker: ChildProcess): Promise<void> {
  const exit = once(worker, 'exit');
  worker.kill('SIGKILL');
  await exit;
}

function actions(lab: Lab, client: Client): Omit<LabBench, 'lab' | 'client' | 'end' | 'startWorker' | 'killWorker'> {
  let count = 0;
  const begin = (type: string, input: Record<string, unknown>): Promise<WorkflowHandle> => {
    count += 1;
    return client.workflow.start(type, {
      workflowId: `test/${type}/${count}`,
      taskQueue: operationsQueue,
      args: [{ platform: 'lab', ...input }],
    });
  };
  const execute = async <Result>(type: string, input: Record<string, unknown>): Promise<Result> =>
    (await (await begin(type, input)).result()) as Result;
  const progress = (handle: WorkflowHandle): Promise<RunProgress> => handle.query<RunProgress>('progress');
  return {
    execute,
    progress,
    start: (input = {}) => begin('vitamColdBackup', input),
    backUp: (input = {}) => execute<ColdBackupReport>('vitamColdBackup', input),
    prove: (set) => execute<BackupProofReport>('vitamBackupProof', { set }),
    status: () => execute<StatusReport>('vitamStatus', {}),
    async until(handle, what, holds) {
      const deadline = Date.now() + untilLimitMs;
      for (;;) {
        const now = await progress(handle).catch(() => null);
        if (now && holds(now)) return now;
        const { status } = await handle.describe();
        assert.equal(
          status.name,
          'RUNNING',
          `the run ended before ${what}: ${JSON.stringify(now?.steps.filter(({ state }) => state === 'failed'))}`,
        );
        assert.ok(Date.now() < deadline, `${what} did not come about`);
        await pause(100);
      }
    },
    async running() {
      return (await lab.services())
        .filter(({ running }) => running)
        .map(({ machine, unit }) => `${machine}/${unit}`)
        .sort();
    },
    async leftInBackups() {
      const left: string[] = [];
      for (const { name, disk } of await lab.up()) {
        const entries = await readdir(join(disk.here, 'backup'), { recursive: true }).catch(() => [] as string[]);
        left.push(...entries.map((entry) => `${name}:${entry}`));
      }
      return left.sort();
    },
  };
}
