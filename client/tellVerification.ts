import type { VerifyReport } from '../workflows/pix/verify.contract.ts';
import type { Say } from './followRun.ts';

/** The report of `pixVerify`, for a terminal. */
export function tellVerification(
  { target, seconds, tables, freshness, queries, findings, indexes, sequences }: VerifyReport,
  say: Say,
): void {
  const rows = tables.reduce((sum, { targetRows }) => sum + targetRows, 0);
  say(`\nVerification of ${target}: done in ${seconds} s`);
  say(`  counted           ${tables.length} tables, ${rows} rows on the warehouse; ${indexes} indexes, ${sequences} sequences`);
  for (const { table, column, newest, hours, hoursMax } of freshness)
    say(`  newest            ${table}.${column}: ${newest ?? 'none'} (${hours ?? '?'} h old, at most ${hoursMax} h)`);
  for (const { name, rows: found, minimumRows } of queries) say(`  query             ${name}: ${found} rows, at least ${minimumRows}`);
  for (const { subject, what } of findings) say(`  finding           ${subject}: ${what}`);
}
