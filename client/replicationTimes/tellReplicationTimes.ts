import Table from 'cli-table3';

import { itemCategories, type ReplicationTimes, type RunTimes } from './replicationTimes.contract.ts';
import { plain } from '../plainTable.ts';

/** `1h 27min 42s`, rounded to whole seconds first, so that no part is ever 60. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  return `${Math.floor(seconds / 3600)}h ${Math.floor(seconds / 60) % 60}min ${seconds % 60}s`;
}

export const orUnknown = (durationMs: number | null): string => (durationMs === null ? 'unknown' : formatDuration(durationMs));

/** The report for a terminal. */
export function tellReplicationTimes({ runs, withoutTime }: ReplicationTimes, say: (line: string) => void): void {
  for (const [place, run] of runs.entries()) {
    if (place > 0) say('');
    tellRun(run, `${place + 1} of ${runs.length}`, say);
  }
  if (withoutTime > 0) say(`\n${withoutTime} markers stand on lines without a date and time; they are not counted`);
}

function tellRun(run: RunTimes, place: string, say: (line: string) => void): void {
  say(`Run ${place}, ${run.date}: ${run.complete ? 'complete' : `INCOMPLETE, the log has no "${run.missing.join('", no "')}"`}`);
  say(`  backup       ${orUnknown(run.backupMs)}`);
  say(`  replication  ${orUnknown(run.replicationMs)}`);
  say(
    `  enrichment   ${orUnknown(run.enrichmentMs)}${run.endSeen === 'lastLine' && run.enrichmentMs !== null ? ' (to the last line of the run)' : ''}`,
  );
  say(`  total        ${orUnknown(run.totalMs)}`);
  const told = itemCategories.map((category) => ({ category, ...run.categories[category] }));
  if (told.every(({ finished, unfinished }) => finished + unfinished === 0)) {
    say('  no items: pg_restore tells them only with --verbose and more than one job');
    return;
  }
  const table = new Table({ head: ['items', 'finished', 'sum over workers', 'the longest'], ...plain });
  for (const { category, finished, unfinished, totalMs, longest } of told)
    table.push([
      category,
      unfinished > 0 ? `${finished} (${unfinished} not)` : finished,
      formatDuration(totalMs),
      longest.map(({ name, durationMs }) => `${name} ${formatDuration(durationMs)}`).join('\n'),
    ]);
  say(table.toString());
}
