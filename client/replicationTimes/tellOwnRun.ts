import Table from 'cli-table3';

import type { OwnRunTimes } from './ownRuns.contract.ts';
import { itemCategories } from './replicationTimes.contract.ts';
import { formatDuration, orUnknown } from './tellReplicationTimes.ts';
import { plain } from '../plainTable.ts';

/** The report for a terminal. */
export function tellOwnRun(run: OwnRunTimes, say: (line: string) => void): void {
  const missing = run.missing.length > 0 ? `, without ${run.missing.join(', ')}` : '';
  say(`${run.workflowId}, ${run.type}, ${run.beganAt}: ${run.complete ? 'complete' : `INCOMPLETE, ${run.status}${missing}`}`);
  if (run.method === null) say('  no full replication in this run');
  else {
    say(`  backup       ${orUnknown(run.backupMs)} (${run.method === 'beside' ? 'snapshot and definitions' : 'the dump'})`);
    say(`  replication  ${orUnknown(run.replicationMs)}`);
    const within = run.enrichmentMs === null ? ' (not built apart)' : run.method === 'beside' ? ' (within the replication)' : '';
    say(`  enrichment   ${orUnknown(run.enrichmentMs)}${within}`);
    say(`  total        ${orUnknown(run.totalMs)}`);
    tellItems(run, say);
  }
  const table = new Table({ head: ['step', 'state', 'wall', 'sum over workers'], ...plain });
  for (const { step, status, wallMs, sumMs } of run.steps) table.push([step, status, formatDuration(wallMs), formatDuration(sumMs)]);
  table.push(['whole run', run.status, formatDuration(run.wallMs), '']);
  say(table.toString());
}

function tellItems({ method, categories }: OwnRunTimes, say: (line: string) => void): void {
  if (method === 'inPlace') {
    say('  no items: pg_restore plays them in one go');
    return;
  }
  const table = new Table({ head: ['items', 'finished', 'wall', 'sum over workers', 'the longest'], ...plain });
  for (const category of itemCategories) {
    const { finished, unfinished, wallMs, totalMs, longest } = categories[category];
    table.push([
      category,
      unfinished > 0 ? `${finished} (${unfinished} not)` : finished,
      formatDuration(wallMs),
      formatDuration(totalMs),
      longest.map(({ name, durationMs }) => `${name} ${formatDuration(durationMs)}`).join('\n'),
    ]);
  }
  say(table.toString());
}
