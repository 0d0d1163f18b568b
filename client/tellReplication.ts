import Table from 'cli-table3';

import type { ReplicationReport } from '../workflows/pix/replication.contract.ts';
import { megabytes, type Say } from './followRun.ts';
import { plain } from './plainTable.ts';

/** The report of a night of the chain, for a terminal. */
export function tellReplication(report: ReplicationReport, say: Say): void {
  const { full, incremental, learningContent, notification } = report;
  say(`\nReplication of ${report.target}: done in ${report.seconds} s`);
  if (full) {
    say(`  full              ${full.tables} tables, ${full.rows} rows, ${megabytes(full.bytes)} MB in ${full.seconds} s (${full.method})`);
    say(
      `  verified          ${full.check.tables.length} counts, ${full.check.indexes} indexes, ${full.check.constraints} foreign keys, ${full.check.sequences} sequences`,
    );
    if (full.method === 'beside')
      say(`  put into use      ${full.swap.moved} objects in ${full.swap.lockedMs} ms; gave way to readers ${full.swap.yielded} times`);
    say(`  undo              ${full.undo}`);
    const table = new Table({ head: ['table', 'rows'], ...plain });
    for (const { table: name, targetRows } of [...full.check.tables].sort((a, b) => b.targetRows - a.targetRows).slice(0, 8))
      table.push([name, targetRows]);
    say(table.toString());
  }
  for (const { table, rows, chunks, lateRows, updates, deletes, difference } of incremental?.tables ?? [])
    say(
      `  incremental       ${table}: ${rows} new rows in ${chunks} chunks, ${lateRows} late, ${updates} updated, ${deletes} deleted; ${difference === 0 ? 'counts agree' : `${difference} rows apart`}`,
    );
  if (learningContent)
    say(
      `  learning content  ${Object.entries(learningContent.rows)
        .map(([name, rows]) => `${name} ${rows}`)
        .join(', ')}`,
    );
  if (notification) say(`  webhooks          ${notification.deliveries.map(({ webhook, status }) => `${webhook} ${status}`).join(', ')}`);
  for (const step of report.steps.filter(({ state }) => state === 'notNeeded'))
    say(`  left out          ${step.title}: ${step.note ?? ''}`);
  for (const warning of [...report.warnings, ...(full?.warnings ?? [])]) say(`  warning           ${warning}`);
}
