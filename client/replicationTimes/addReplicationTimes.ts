import type { Command } from 'commander';
import { DateTime } from 'luxon';

import { readReplicationTimes } from './readReplicationTimes.ts';
import { tellReplicationTimes } from './tellReplicationTimes.ts';

/** The command `replication-times`: durations out of the logs of pix-db-replication (systems.md C.2.9, PX-20). */
export function addReplicationTimes(program: Command): void {
  program
    .command('replication-times')
    .description('durations out of a log of the tool that pixReplication replaces: every run in it, complete or not')
    .argument('<file>', 'the log; - reads standard input')
    .option('--date <date>', 'only the runs that began on that day of the log, YYYY-MM-DD')
    .option('--json', 'as JSON, durations in ms')
    .action(async (file: string, { date, json }: { date?: string; json?: boolean }) => {
      const fail = (message: string): void => {
        console.error(message);
        process.exitCode = 1;
      };
      if (date !== undefined && !(/^\d{4}-\d\d-\d\d$/.test(date) && DateTime.fromISO(date).isValid))
        return fail(`--date must be a day as YYYY-MM-DD, for example 2020-10-22; got ${JSON.stringify(date)}`);
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
    });
}
