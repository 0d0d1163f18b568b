// `npm run demo:pix`: a night of the Pix chain between two real PostgreSQL servers. See `--help`.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { Command, InvalidArgumentError } from 'commander';

import { followRun } from '../../client/followRun.ts';
import { tellReplication } from '../../client/tellReplication.ts';
import { operationsQueue, runId } from '../../workflows/names.contract.ts';
import type { ReplicationReport } from '../../workflows/pix/replication.contract.ts';
import { ensureDebianPackages } from '../setup/debianPackages.ts';
import { installEverything } from '../setup/tools.ts';
import { endProcess, startDevServer } from './devServer.ts';
import { startPixLab, wholeReplica, type PixLab } from './pixLab.ts';
import { compareTables } from './postgres/compareTables.ts';
import { pixSourceTables } from './postgres/pixSource/sourceRows.ts';
import { Started } from './started.ts';
import { startWorker } from './workerProcess.ts';

const home = join(import.meta.dirname, '..', '..', '.nightshift');
const say = (line: string): void => console.log(line);

interface Options {
  rows: number;
  once?: boolean;
}

async function main({ rows, once }: Options): Promise<void> {
  const started = new Started(say);
  const stopping = new AbortController();
  const stopped = new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve(), { once: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      say(`\n${signal}: ending what was started …`);
      stopping.abort();
    });
  try {
    mkdirSync(home, { recursive: true });
    await ensureDebianPackages(say);
    await installEverything(say, ['temporal', 'postgres']);
    const night = demonstrate(rows, started, stopping.signal);
    const done = await Promise.race([night, stopped.then(() => null)]);
    if (done === null) process.exitCode = 130;
    else if (!done) process.exitCode = 1;
    else if (!once) await stopped;
  } catch (error) {
    say(error instanceof Error ? `demo: ${error.message}` : String(error));
    process.exitCode = 1;
  } finally {
    await started.end();
  }
}

/** Answers whether the warehouse is equal to production, table by table. */
async function demonstrate(rows: number, started: Started, stop: AbortSignal): Promise<boolean> {
  const server = await startDevServer({ database: join(home, 'temporal-pix.db'), log: join(home, 'temporal.log'), say });
  started.add('temporal dev server', server.stop);
  const lab = await startPixLab({ directory: join(home, 'pix'), rows, say });
  started.add('PostgreSQL servers and stand-ins', lab.end);
  await lab.describeReplica('pix', wholeReplica(lab));
  const connection = await Connection.connect({ address: server.address });
  started.add('client', () => connection.close());
  const worker = await startWorker({
    ...{ address: server.address, platformDirectories: [], replicaDirectories: [lab.replicaDirectory] },
    ...{ secretsDirectory: lab.secretsDirectory, postgresTools: lab.target.programs, log: join(home, 'worker.log') },
  });
  started.add('worker', () => endProcess(worker));
  const client = new Client({ connection });
  const workflowId = runId('pix', 'replication', 'pix');
  const handle = await client.workflow.start('pixReplication', {
    workflowId,
    taskQueue: operationsQueue,
    args: [{ replica: 'pix' }],
    workflowIdConflictPolicy: 'TERMINATE_EXISTING',
    staticSummary: 'a night of the lab',
  });
  say(`\npixReplication ${workflowId}: ${server.webUi}/namespaces/default/workflows/${encodeURIComponent(workflowId)}`);
  // The full replication is the long part: its own steps are shown.
  await followRun(client.workflow.getHandle(`${workflowId}/full`), say, stop, () =>
    handle.describe().then(({ status }) => status.name === 'RUNNING'),
  );
  await followRun(handle, say, stop);
  if (stop.aborted) return false;
  try {
    tellReplication((await handle.result()) as ReplicationReport, say);
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    say(`\n${workflowId} FAILED: ${error.cause?.message ?? error.message}`);
    return false;
  }
  const equal = await prove(lab);
  tellNext(server.address, server.webUi);
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

function tellNext(address: string, webUi: string): void {
  const temporal = `temporal --address ${address}`;
  say(`
Web UI: ${webUi}. Try next, in another terminal:
  again          ${temporal} workflow start --type pixReplication --task-queue operations --workflow-id pix/replication/pix --input '{"replica":"pix"}'
  from a step    … --input '{"replica":"pix","startAt":"learningContent"}'
  the plan       ${temporal} workflow execute --type pixFullReplication --task-queue operations --workflow-id plan --input '{"replica":"pix","dryRun":true}'
  undo           ${temporal} workflow execute --type pixUndoReplication --task-queue operations --workflow-id pix/undo/pix --input '{"replica":"pix"}'
  stop it        ${temporal} workflow cancel --workflow-id pix/replication/pix
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
  .action(main)
  .parseAsync();
process.exit();
