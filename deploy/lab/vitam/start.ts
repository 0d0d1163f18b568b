// `npm start`: the main job on an embedded default. See `--help`.
import { join } from 'node:path';

import { WorkflowExecutionAlreadyStartedError, type Client, type WorkflowHandle } from '@temporalio/client';
import { Command, InvalidArgumentError } from 'commander';

import { followRun } from '../../../client/followRun.ts';
import { tellBackup, tellProof } from '../../../client/tellReports.ts';
import { workflowBundleFile } from '../../../workers/workflowBundle.ts';
import { runId } from '../../../workflows/names.contract.ts';
import type { BackupProofReport } from '../../../workflows/vitam/backupProof.contract.ts';
import type { ColdBackupReport } from '../../../workflows/vitam/coldBackup.contract.ts';
import { installEverything } from '../../setup/tools.ts';
import { createLab } from './createLab.ts';
import { demonstrate, home, resultOf, say } from '../demonstration.ts';
import { endProcess } from '../temporal/devServer.ts';
import { endRuns } from '../temporal/endRuns.ts';
import type { Lab } from './lab.contract.ts';
import { isServerNamed, linkTo, openTemporal, type Temporal } from '../temporal/openTemporal.ts';
import type { Started } from '../started.ts';
import { startWorker } from '../temporal/workerProcess.ts';

interface Options {
  once?: boolean;
  small?: boolean;
  megabytesPerShard?: number;
}

async function show(options: Options, started: Started, stop: AbortSignal): Promise<boolean> {
  const { lab, temporal } = await bringUp(options, started);
  const proven = await backUpAndProve(temporal, stop);
  if (!options.once && !stop.aborted) tellNext(lab, temporal);
  return proven;
}

async function bringUp({ small, megabytesPerShard }: Options, started: Started): Promise<{ lab: Lab; temporal: Temporal }> {
  const beganMs = Date.now();
  await installEverything(say, isServerNamed() ? ['mongod', 'supervisor'] : ['temporal', 'mongod', 'supervisor']);
  const lab = await createLab({
    directory: join(home, small ? 'lab-small' : 'lab'),
    ...(small ? { shape: 'small' as const } : {}),
    ...(megabytesPerShard === undefined ? {} : { megabytesPerShard }),
  });
  const temporal = await openTemporal({ name: 'lab', home, started, say });
  started.add('lab', () => lab.down());
  // The worker's bundle is made meanwhile; should that fail, the worker says why.
  const [up] = await Promise.allSettled([lab.up(say), workflowBundleFile()]);
  if (up.status === 'rejected') throw up.reason;
  const { address, namespace, taskQueue } = temporal;
  const worker = await startWorker({
    ...{ address, namespace, taskQueue },
    definitionDirectories: [lab.directory, join(import.meta.dirname, '..', '..', 'definitions')],
    secretsDirectory: lab.secretsDirectory,
    log: join(home, 'worker.log'),
  });
  started.add('worker', () => endProcess(worker));
  // Ctrl-C in the middle of a run: it brings the platform back before the lab goes down.
  started.add('runs', () => endRuns(temporal, say));
  say(`worker: ready on task queue ${taskQueue} (process ${worker.pid}, log .nightshift/worker.log)`);
  say(`everything is up after ${((Date.now() - beganMs) / 1000).toFixed(1)} s`);
  return { lab, temporal };
}

/** The main job and its proof. Answers whether the set is proven; a run that an earlier session left under way is followed instead of starting another. */
async function backUpAndProve(temporal: Temporal, stopped: AbortSignal): Promise<boolean> {
  const { client, taskQueue } = temporal;
  const workflowId = runId('vitam', 'coldBackup', 'lab');
  const handle = await startOrFollow(client, taskQueue, workflowId);
  say(`\nvitamColdBackup ${workflowId}${linkTo(temporal, workflowId)}`);
  await followRun(handle, say, stopped);
  const report = await resultOf<ColdBackupReport>(handle);
  if (!report) return false;
  tellBackup(report, say);

  const proofId = runId('vitam', 'backupProof', 'lab');
  const proof = await client.workflow.start('vitamBackupProof', {
    workflowId: proofId,
    taskQueue,
    args: [{ platform: 'lab', set: report.set }],
    staticSummary: `restore proof of ${report.set}`,
  });
  say(`\nvitamBackupProof ${proofId}: unpacking ${report.parts.length} archives elsewhere and reading them back …`);
  const proven = await resultOf<BackupProofReport>(proof);
  if (!proven) return false;
  tellProof(proven, say);
  return proven.proven;
}

async function startOrFollow(client: Client, taskQueue: string, workflowId: string): Promise<WorkflowHandle> {
  try {
    return await client.workflow.start('vitamColdBackup', {
      workflowId,
      taskQueue,
      args: [{ platform: 'lab' }],
      staticSummary: 'cold backup of the lab',
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    say(`\nan earlier session left ${workflowId} under way: it goes on where it stood`);
    return client.workflow.getHandle(workflowId);
  }
}

function tellNext(lab: Lab, { address, cli, taskQueue, webUi }: Temporal): void {
  const queued = `--task-queue ${taskQueue}`;
  const worker = `TEMPORAL_ADDRESS=${address} NIGHTSHIFT_TASK_QUEUE=${taskQueue}`;
  say(`
The lab stays up. ${webUi ? `Web UI: ${webUi}   ` : ''}Platform file: ${lab.platformFile}
Try next, in another terminal (temporal is in .nightshift/tools when it is not on your PATH):
  start again    ${cli} workflow start --type vitamColdBackup ${queued} --workflow-id vitam/coldBackup/lab --input '{"platform":"lab"}'
  the plan       ${cli} workflow execute --type vitamColdBackup ${queued} --workflow-id plan --input '{"platform":"lab","dryRun":true}'
  where it is    ${cli} workflow query --workflow-id vitam/coldBackup/lab --name progress
  stop it        ${cli} workflow cancel --workflow-id vitam/coldBackup/lab      (in the middle: everything comes back)
  what is down   ${cli} workflow execute --type vitamStatus ${queued} --workflow-id vitam/status/lab --input '{"platform":"lab"}'
  kill -9 the worker in the middle of a copy (its process id stands above), then start another:
                 ${worker} NIGHTSHIFT_DEFINITIONS=${lab.directory} NIGHTSHIFT_SECRETS=${lab.secretsDirectory} npm run start:operations
Ctrl-C ends everything that was started here.`);
}

await new Command('npm start --')
  .description(
    'Takes a whole small VITAM platform through its cold backup on a real Temporal server, real sharded MongoDB and real service managers, and proves the backup by restoring it.',
  )
  .option('--once', 'end after the proof: exit code 0, or 1 when anything failed')
  .option('--small', 'a platform of few machines, one member per replica set')
  .option('--megabytes-per-shard <number>', 'data size of the lab at its first start (default 100)', (text) => {
    const value = Number(text);
    if (!(value > 0)) throw new InvalidArgumentError('a number of megabytes above 0');
    return value;
  })
  .addHelpText(
    'after',
    `
A dev server is started on its own database, by a temporal of 1.8 or later on the PATH or one that is fetched. With TEMPORAL_ADDRESS, and what else
Temporal's configuration says, an existing server is used instead, on task queue operations-lab.`,
  )
  .action((options: Options) =>
    demonstrate({ name: 'npm start', once: options.once === true, show: (started, stop) => show(options, started, stop) }),
  )
  .parseAsync();
process.exit();
