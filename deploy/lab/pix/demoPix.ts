// `npm run demo:pix`: a night of the Pix chain between two real PostgreSQL servers. See `--help`.
import { join } from 'node:path';

import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { Command, InvalidArgumentError } from 'commander';

import { followChild, followRun } from '../../../client/followRun.ts';
import { tellReplication } from '../../../client/tellReplication.ts';
import { tellVerification } from '../../../client/tellVerification.ts';
import { runId } from '../../../workflows/names.contract.ts';
import type { ReplicationReport } from '../../../workflows/pix/replication.contract.ts';
import type { VerifyReport } from '../../../workflows/pix/verify.contract.ts';
import { installEverything } from '../../setup/tools.ts';
import { demonstrate, home, resultOf, say } from '../demonstration.ts';
import { endProcess } from '../temporal/devServer.ts';
import { endRuns } from '../temporal/endRuns.ts';
import { isServerNamed, linkTo, openTemporal, type Temporal } from '../temporal/openTemporal.ts';
import { startPixLab, wholeReplica, type PixLab } from './pixLab.ts';
import { compareTables } from '../postgres/compareTables.ts';
import { advancePixSource } from './source/pixSource.ts';
import { pixSourceTables } from './source/sourceRows.ts';
import type { Started } from '../started.ts';
import { startWorker } from '../temporal/workerProcess.ts';

interface Options {
  rows: number;
  once?: boolean;
}

/** Incremental tables as the seed has them: loaded once, then new rows alone. */
const incremental = ['answers', 'knowledge-elements', 'knowledge-element-snapshots'];

/** Answers whether the warehouse is verified and equal to production, table by table. */
async function show({ rows, once }: Options, started: Started, stop: AbortSignal): Promise<boolean> {
  await installEverything(say, isServerNamed() ? ['postgres'] : ['temporal', 'postgres']);
  const temporal = await openTemporal({ name: 'pix', home, started, say });
  const { client, address, namespace, taskQueue } = temporal;
  const lab = await startPixLab({ directory: join(home, 'pix'), rows, say });
  started.add('PostgreSQL servers and stand-ins', lab.end);
  await lab.describeReplica('pix', {
    ...wholeReplica(lab),
    tables: Object.fromEntries(incremental.map((table) => [table, 'incremental'])),
  });
  const worker = await startWorker({
    ...{ address, namespace, taskQueue, definitionDirectories: [lab.replicaDirectory] },
    ...{ secretsDirectory: lab.secretsDirectory, postgresTools: lab.target.programs, log: join(home, 'worker.log') },
  });
  started.add('worker', () => endProcess(worker));
  started.add('runs', () => endRuns(temporal, say));
  const begin = async (type: string, procedure: string): Promise<WorkflowHandleWithFirstExecutionRunId> => {
    const workflowId = runId('pix', procedure, 'pix');
    say(`\n${type} ${workflowId}${linkTo(temporal, workflowId)}`);
    return client.workflow.start(type, {
      workflowId,
      taskQueue,
      args: [{ replica: 'pix' }],
      workflowIdConflictPolicy: 'TERMINATE_EXISTING',
      staticSummary: `${procedure} of the lab`,
    });
  };

  const prepared = await begin('pixPrepareIncremental', 'prepareIncremental');
  await followRun(prepared, say, stop);
  if (stop.aborted || !(await resultOf(prepared))) return false;
  say('\na day passes in production: one row more for every twenty');
  await advancePixSource({ url: lab.sourceUrl, rows: Math.ceil(rows / 20) });

  const night = await begin('pixReplication', 'replication');
  for (const child of ['full', 'incremental']) await followChild(client, night, `${night.workflowId}/${child}`, say, stop);
  await followRun(night, say, stop);
  if (stop.aborted) return false;
  const report = await resultOf<ReplicationReport>(night);
  if (!report) return false;
  tellReplication(report, say);

  const verified = await begin('pixVerify', 'verify');
  await followRun(verified, say, stop);
  if (stop.aborted) return false;
  const verification = await resultOf<VerifyReport>(verified);
  if (!verification) return false;
  tellVerification(verification, say);
  const equal = await prove(lab);
  if (!once) tellNext(temporal);
  return equal;
}

async function prove({ sourceUrl, targetUrl }: PixLab): Promise<boolean> {
  const compared = await compareTables({ source: sourceUrl, target: targetUrl, tables: [...pixSourceTables] });
  const different = compared.filter(({ equal }) => !equal);
  const rows = compared.reduce((sum, { source }) => sum + (source?.rows ?? 0), 0);
  say(
    different.length === 0
      ? `\nProof: ${compared.length} tables, ${rows} rows, count and digest of every table equal to production`
      : `\nNOT EQUAL: ${different.map(({ table }) => table).join(', ')}`,
  );
  return different.length === 0;
}

function tellNext({ cli, taskQueue, webUi }: Temporal): void {
  const queued = `--task-queue ${taskQueue}`;
  say(`
${webUi ? `Web UI: ${webUi}. ` : ''}Try next, in another terminal:
  again          ${cli} workflow start --type pixReplication ${queued} --workflow-id pix/replication/pix --input '{"replica":"pix"}'
  from a step    … --input '{"replica":"pix","startAt":"learningContent"}'
  the plan       ${cli} workflow execute --type pixFullReplication ${queued} --workflow-id plan --input '{"replica":"pix","dryRun":true}'
  undo           ${cli} workflow execute --type pixUndoReplication ${queued} --workflow-id pix/undo/pix --input '{"replica":"pix"}'
  stop it        ${cli} workflow cancel --workflow-id pix/replication/pix
Ctrl-C ends everything that was started here.`);
}

await new Command('npm run demo:pix --')
  .description(
    'Runs a night of the Pix replication chain between two real PostgreSQL servers and proves that the warehouse equals production.',
  )
  .option('--once', 'end after the proof: exit code 0, or 1 when anything failed')
  .option(
    '--rows <number>',
    'rows of the production database',
    (text) => {
      const value = Number(text);
      if (!Number.isInteger(value) || value < 100) throw new InvalidArgumentError('a whole number from 100');
      return value;
    },
    2_000_000,
  )
  .action((options: Options) =>
    demonstrate({ name: 'demo', once: options.once === true, show: (started, stop) => show(options, started, stop) }),
  )
  .parseAsync();
process.exit();
