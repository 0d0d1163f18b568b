// `npm start`: the main job on an embedded default. See `--help`.
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';

import { Client, Connection, WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { Command, InvalidArgumentError } from 'commander';

import { followRun } from '../../client/followRun.ts';
import { tellBackup, tellProof } from '../../client/tellReports.ts';
import { operationsQueue, runId } from '../../workflows/names.contract.ts';
import type { BackupProofReport } from '../../workflows/vitam/backupProof.contract.ts';
import type { ColdBackupReport } from '../../workflows/vitam/coldBackup.contract.ts';
import { createLab } from './createLab.ts';
import { demonstrate, home, resultOf, say } from './demonstration.ts';
import { endProcess, startDevServer, type DevServer } from './devServer.ts';
import type { Lab } from './lab.contract.ts';
import type { Started } from './started.ts';
import { startWorker } from './workerProcess.ts';

const cancelWaitMs = 120_000;

interface Options {
  once?: boolean;
  small?: boolean;
  megabytesPerShard?: number;
}

async function show(options: Options, started: Started, stop: AbortSignal): Promise<boolean> {
  const { lab, server, client } = await bringUp(options, started);
  const proven = await backUpAndProve(client, server, started, stop);
  if (!options.once && !stop.aborted) tellNext(lab, server);
  return proven;
}

async function bringUp({ small, megabytesPerShard }: Options, started: Started): Promise<{ lab: Lab; server: DevServer; client: Client }> {
  const beganMs = Date.now();
  const lab = await createLab({
    directory: join(home, small ? 'lab-small' : 'lab'),
    ...(small ? { shape: 'small' as const } : {}),
    ...(megabytesPerShard === undefined ? {} : { megabytesPerShard }),
  });
  const server = await startDevServer({ database: join(home, 'temporal.db'), log: join(home, 'temporal.log'), say });
  started.add('temporal dev server', server.stop);
  started.add('lab', () => lab.down());
  await lab.up(say);
  const connection = await Connection.connect({ address: server.address });
  started.add('client', () => connection.close());
  const worker: ChildProcess = await startWorker({
    address: server.address,
    definitionDirectories: [lab.directory, join(import.meta.dirname, '..', 'definitions')],
    secretsDirectory: lab.secretsDirectory,
    log: join(home, 'worker.log'),
  });
  started.add('worker', () => endProcess(worker));
  say(`worker: ready on task queue ${operationsQueue} (process ${worker.pid}, log .nightshift/worker.log)`);
  say(`everything is up after ${((Date.now() - beganMs) / 1000).toFixed(1)} s`);
  return { lab, server, client: new Client({ connection }) };
}

/** The main job and its proof. Answers whether the set is proven; a run that an earlier session left under way is followed instead of starting another. */
async function backUpAndProve(client: Client, server: DevServer, started: Started, stopped: AbortSignal): Promise<boolean> {
  const workflowId = runId('vitam', 'coldBackup', 'lab');
  const handle = await startOrFollow(client, workflowId);
  started.add('run', () => cancelAndWait(handle));
  say(`\nvitamColdBackup ${workflowId}: ${server.webUi}/namespaces/default/workflows/${encodeURIComponent(workflowId)}`);
  await followRun(handle, say, stopped);
  const report = await resultOf<ColdBackupReport>(handle);
  if (!report) return false;
  tellBackup(report, say);

  const proofId = runId('vitam', 'backupProof', 'lab');
  const proof = await client.workflow.start('vitamBackupProof', {
    workflowId: proofId,
    taskQueue: operationsQueue,
    args: [{ platform: 'lab', set: report.set }],
    staticSummary: `restore proof of ${report.set}`,
  });
  say(`\nvitamBackupProof ${proofId}: unpacking ${report.parts.length} archives elsewhere and reading them back …`);
  const proven = await resultOf<BackupProofReport>(proof);
  if (!proven) return false;
  tellProof(proven, say);
  return proven.proven;
}

async function startOrFollow(client: Client, workflowId: string): Promise<WorkflowHandle> {
  try {
    return await client.workflow.start('vitamColdBackup', {
      workflowId,
      taskQueue: operationsQueue,
      args: [{ platform: 'lab' }],
      staticSummary: 'cold backup of the lab',
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    say(`\nan earlier session left ${workflowId} under way: it goes on where it stood`);
    return client.workflow.getHandle(workflowId);
  }
}

/** Ctrl-C in the middle of a run: it is cancelled and brings the platform back before the lab goes down. */
async function cancelAndWait(handle: WorkflowHandle): Promise<void> {
  const { status } = await handle.describe();
  if (status.name !== 'RUNNING') return;
  say('run: cancelled; waiting until the platform is back …');
  await handle.cancel();
  const ended = handle.result().catch(() => undefined);
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, cancelWaitMs).unref())]);
}

function tellNext(lab: Lab, server: DevServer): void {
  const temporal = 'temporal --address ' + server.address;
  say(`
The lab stays up. Web UI: ${server.webUi}   Platform file: ${lab.platformFile}
Try next, in another terminal (${temporal.split(' ')[0]} is in .nightshift/tools when it is not on your PATH):
  start again    ${temporal} workflow start --type vitamColdBackup --task-queue operations --workflow-id vitam/coldBackup/lab --input '{"platform":"lab"}'
  the plan       ${temporal} workflow execute --type vitamColdBackup --task-queue operations --workflow-id plan --input '{"platform":"lab","dryRun":true}'
  where it is    ${temporal} workflow query --workflow-id vitam/coldBackup/lab --name progress
  stop it        ${temporal} workflow cancel --workflow-id vitam/coldBackup/lab      (in the middle: everything comes back)
  what is down   ${temporal} workflow execute --type vitamStatus --task-queue operations --workflow-id vitam/status/lab --input '{"platform":"lab"}'
  kill -9 the worker in the middle of a copy (its process id stands above), then start another:
                 TEMPORAL_ADDRESS=${server.address} NIGHTSHIFT_DEFINITIONS=${lab.directory} NIGHTSHIFT_SECRETS=${lab.secretsDirectory} npm run start:operations
Ctrl-C ends everything that was started here.`);
}

await new Command('npm start --')
  .description(
    'Takes a whole small VITAM platform through its cold backup on a real Temporal server, real sharded MongoDB and real service managers, and proves the backup by restoring it.',
  )
  .option('--once', 'end after the proof: exit code 0, or 1 when anything failed')
  .option('--small', 'a platform of few machines, one member per replica set')
  .option('--megabytes-per-shard <number>', 'data size of the lab at its first start (default 200)', (text) => {
    const value = Number(text);
    if (!(value > 0)) throw new InvalidArgumentError('a number of megabytes above 0');
    return value;
  })
  .action((options: Options) =>
    demonstrate({ name: 'npm start', once: options.once === true, show: (started, stop) => show(options, started, stop) }),
  )
  .parseAsync();
process.exit();
