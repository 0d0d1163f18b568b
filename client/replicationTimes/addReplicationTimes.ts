import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Command } from 'commander';
import { DateTime } from 'luxon';

import type { OwnRunTimes } from './ownRuns.contract.ts';
import { readOwnRun } from './readOwnRun.ts';
import { readReplicationTimes } from './readReplicationTimes.ts';
import { tellOwnRun } from './tellOwnRun.ts';
import { tellReplicationTimes } from './tellReplicationTimes.ts';

interface Options {
  date?: string;
  workflowId?: string;
  runId?: string;
  json?: boolean;
}

/** The command `replication-times`: durations out of the logs of pix-db-replication, and of our own runs (pix 37). */
export function addReplicationTimes(program: Command): void {
  program
    .command('replication-times')
    .description('durations of a replication: out of a log of the tool that pixReplication replaces, or of a run of ours, complete or not')
    .argument('[file]', 'the log, every run in it; - reads standard input')
    .option('--date <date>', 'of a log: only the runs that began on that day, YYYY-MM-DD')
    .option('--workflow-id <id>', 'in the place of a log: a run of pixReplication, or of one of its steps')
    .option('--run-id <id>', 'of that workflow id; default: its last run')
    .option('--json', 'as JSON, durations in ms')
    .action(async (file: string | undefined, options: Options) => {
      const fault = faultOf(file, options);
      if (fault !== null) fail(fault);
      else if (options.workflowId !== undefined) await tellRun(options.workflowId, options);
      else await tellLog(file ?? '-', options);
    });
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}

function faultOf(file: string | undefined, { date, workflowId, runId }: Options): string | null {
  if (file === undefined && workflowId === undefined) return 'say which log (a file, or - for standard input) or which run (--workflow-id)';
  if (file !== undefined && workflowId !== undefined) return 'a log or a run, not both: leave out the file or --workflow-id';
  if (runId !== undefined && workflowId === undefined) return '--run-id needs --workflow-id';
  if (date !== undefined && workflowId !== undefined) return '--date is for logs; a run is one';
  if (date !== undefined && !(/^\d{4}-\d\d-\d\d$/.test(date) && DateTime.fromISO(date).isValid))
    return `--date must be a day as YYYY-MM-DD, for example 2020-10-22; got ${JSON.stringify(date)}`;
  return null;
}

async function tellLog(file: string, { date, json }: Options): Promise<void> {
  const times = await readReplicationTimes(file === '-' ? (process.stdin as AsyncIterable<Buffer>) : file).catch(
    ({ code, message }: NodeJS.ErrnoException) => fail(`${file} cannot be read: ${code ?? message}`),
  );
  if (!times) return;
  const runs = times.runs.filter((run) => date === undefined || run.date === date);
  if (json) console.log(JSON.stringify({ ...times, runs }, null, 2));
  else tellReplicationTimes({ ...times, runs }, console.log);
  if (runs.length > 0) return;
  const days = [...new Set(times.runs.map((run) => run.date))];
  fail(days.length === 0 ? `${file}: no run found` : `${file}: no run began on ${date ?? ''}; the log has runs of ${days.join(', ')}`);
}

async function tellRun(workflowId: string, { runId, json }: Options): Promise<void> {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  let times: OwnRunTimes;
  try {
    const connection = await Connection.connect(connectionOptions);
    try {
      times = await readOwnRun(new Client({ connection, namespace: namespace ?? 'default' }), workflowId, runId);
    } finally {
      await connection.close();
    }
  } catch (error) {
    return fail(`${workflowId} cannot be read from ${connectionOptions.address ?? 'the Temporal server'}: ${messageOf(error)}`);
  }
  if (json) console.log(JSON.stringify({ runs: [times] }, null, 2));
  else tellOwnRun(times, console.log);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
