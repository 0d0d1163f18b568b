import Table from 'cli-table3';

import type { Say } from '../followRun.ts';
import { plain } from '../plainTable.ts';
import { itemCategories, type CategoryTimes, type ItemCategory } from './itemTimes.ts';
import type { OwnRunTimes } from './ownRunTimes.ts';
import type { ReplicationTimes } from './readReplicationTimes.ts';

type PhaseTimes = Pick<OwnRunTimes, 'backupMs' | 'replicationMs' | 'enrichmentMs' | 'totalMs'>;

/** `1h 27min 42s`, rounded to whole seconds first, so that no part is ever 60. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  return `${Math.floor(seconds / 3600)}h ${Math.floor(seconds / 60) % 60}min ${seconds % 60}s`;
}

/** The report of a log, for a terminal. */
export function tellReplicationTimes({ runs, withoutTime }: ReplicationTimes, say: Say): void {
  for (const [place, run] of runs.entries()) {
    if (place > 0) say('');
    const missing = `INCOMPLETE, the log has no "${run.missing.join('", no "')}"`;
    say(`Run ${place + 1} of ${runs.length}, ${run.date}: ${run.complete ? 'complete' : missing}`);
    tellPhases(run, '', run.endSeen === 'lastLine' && run.enrichmentMs !== null ? ' (to the last line of the run)' : '', say);
    tellItems(run.categories, 'pg_restore tells them only with --verbose and more than one job', say);
  }
  if (withoutTime > 0) say(`\n${withoutTime} markers stand on lines without a date and time; they are not counted`);
}

/** The report of a run of ours, for a terminal. */
export function tellOwnRun(run: OwnRunTimes, say: Say): void {
  const missing = run.missing.length > 0 ? `, without ${run.missing.join(', ')}` : '';
  say(`${run.workflowId}, ${run.type}, ${run.beganAt}: ${run.complete ? 'complete' : `INCOMPLETE, ${run.status}${missing}`}`);
  if (run.method === null) say('  no full replication in this run');
  else {
    const within = run.enrichmentMs === null ? ' (not built apart)' : run.method === 'beside' ? ' (within the replication)' : '';
    tellPhases(run, run.method === 'beside' ? ' (snapshot and definitions)' : ' (the dump)', within, say);
    tellItems(run.categories, run.method === 'beside' ? 'none was begun' : 'pg_restore plays them in one go', say);
  }
  const table = new Table({ head: ['step', 'state', 'wall', 'sum over workers'], ...plain });
  for (const { step, status, wallMs, sumMs } of run.steps) table.push([step, status, formatDuration(wallMs), formatDuration(sumMs)]);
  table.push(['whole run', run.status, formatDuration(run.wallMs), '']);
  say(table.toString());
}

function tellPhases({ backupMs, replicationMs, enrichmentMs, totalMs }: PhaseTimes, backup: string, enrichment: string, say: Say): void {
  const orUnknown = (durationMs: number | null): string => (durationMs === null ? 'unknown' : formatDuration(durationMs));
  say(`  backup       ${orUnknown(backupMs)}${backup}`);
  say(`  replication  ${orUnknown(replicationMs)}`);
  say(`  enrichment   ${orUnknown(enrichmentMs)}${enrichment}`);
  say(`  total        ${orUnknown(totalMs)}`);
}

function tellItems(categories: Record<ItemCategory, CategoryTimes>, whyNone: string, say: Say): void {
  if (Object.values(categories).every(({ finished, unfinished }) => finished + unfinished === 0)) return say(`  no items: ${whyNone}`);
  const table = new Table({ head: ['items', 'finished', 'wall', 'sum over workers', 'the longest'], ...plain });
  for (const category of itemCategories) {
    const { finished, unfinished, wallMs, totalMs, longest } = categories[category];
    const told = longest.map(({ name, durationMs }) => `${name} ${formatDuration(durationMs)}`).join('\n');
    const count = unfinished > 0 ? `${finished} (${unfinished} not)` : finished;
    table.push([category, count, formatDuration(wallMs), formatDuration(totalMs), told]);
  }
  say(table.toString());
}
