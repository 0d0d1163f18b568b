import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Command } from 'commander';
import { DateTime } from 'luxon';

import { readOwnRun } from './readOwnRun.ts';
import { readReplicationTimes } from './readReplicationTimes.ts';
import { tellOwnRun, tellReplicationTimes } from './tellReplicationTimes.ts';

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
      const fault = faultOf(file, options) ?? (file === undefined ? await tellRun(options) : await tellLog(file, options));
      if (fault === null) return;
      console.error(fault);
      process.exitCode = 1;
    });
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

/** Answers what went wrong, in words. */
async function tellLog(file: string, { date, json }: Options): Promise<string | null> {
  const times = await readReplicationTimes(file === '-' ? process.stdin : file).catch((error: NodeJS.ErrnoException) => error);
  if (times instanceof Error) return `${file} cannot be read: ${times.code ?? times.message}`;
  const runs = times.runs.filter((run) => date === undefined || run.date === date);
  if (json) console.log(JSON.stringify({ ...times, runs }, null, 2));
  else tellReplicationTimes({ ...times, runs }, console.log);
  if (runs.length > 0) return null;
  const days = [...new Set(times.runs.map((run) => run.date))].join(', ');
  return days === '' ? `${file}: no run found` : `${file}: no run began on ${date ?? ''}; the log has runs of ${days}`;
}

async function tellRun({ workflowId = '', runId, json }: Options): Promise<string | null> {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  try {
    const connection = await Connection.connect(connectionOptions);
    const client = new Client({ connection, namespace: namespace ?? 'default' });
    const times = await readOwnRun(client, workflowId, runId).finally(() => connection.close());
    if (json) console.log(JSON.stringify({ runs: [times] }, null, 2));
    else tellOwnRun(times, console.log);
    return null;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return `${workflowId} cannot be read from ${connectionOptions.address ?? 'the Temporal server'}: ${said}`;
  }
}
