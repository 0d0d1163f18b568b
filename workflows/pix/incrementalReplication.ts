import { workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { IncrementalTableReport, InspectedTable } from '../../activities/warehouse/incremental/incremental.contract.ts';
import { secondsSince } from '../runbook/elapsed.ts';
import { patientFor } from '../runbook/profiles.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import { withRestore } from '../runbook/withRestore.ts';
import { workPool } from '../runbook/workPool.ts';
import type {
  IncrementalReplicationInput,
  IncrementalReplicationReport,
  IncrementalReplicationRequest,
  ReplicatedTable,
} from './incrementalReplication.contract.ts';
import {
  discardLoads,
  incrementalCopyOf,
  inspectAll,
  inspectStep,
  loadWhole,
  plannedStep,
  showingRows,
  type IncrementalRun,
} from './incrementalReplicationSteps.ts';
import type { PixReplica } from './replica.contract.ts';
import { runPixProcedure } from './runPixProcedure.ts';

/**
 * Brings the append-only tables of the warehouse up to production: rows that committed late, updates and deletes of tables that declare them, new rows in
 * chunks with their checkpoint in the warehouse; then counts on both sides.
 *
 * Runbook   pix 23 to 25 in deploy/systems/pix.md.
 * Downtime  none: rows are added to tables in use; a table that is loaded whole is swapped in one short transaction.
 * Needs     tables that pixPrepareIncremental, or a load by hand, has filled once; a user that owns them.
 * On error  every chunk that was copied stays, with its mark; the next run goes on there.
 * To stop   cancel.
 */
export async function pixIncrementalReplication(input: IncrementalReplicationInput): Promise<IncrementalReplicationReport> {
  return runPixProcedure<IncrementalReplicationRequest, IncrementalReplicationReport>(
    'pixIncrementalReplication',
    input,
    ({ replica }) => [
      inspectStep,
      ...Object.keys(replica.tables).flatMap((name) => (replica.tables[name] === 'incremental' ? [copyStep(name, replica)] : [])),
    ],
    async ({ replica }, runbook, beganMs) => {
      const run: IncrementalRun = { replica, runbook, copy: incrementalCopyOf(replica, workflowInfo().runId) };
      const tables: ReplicatedTable[] = [];
      if (run.copy.tables.length === 0) {
        runbook.notNeeded(inspectStep, 'no incremental tables configured');
        runbook.warn('no incremental tables configured');
      } else {
        const { tables: seen } = await inspectAll(run);
        refuse(seen, replica);
        const changed = new Set(seen.flatMap(({ name, state }) => (state === 'changed' ? [name] : [])));
        await showingRows(run, () => copyAll(run, seen, changed, tables));
      }
      const endedAt = new Date();
      return {
        replica: replica.name,
        beganAt: new Date(beganMs).toISOString(),
        endedAt: endedAt.toISOString(),
        seconds: secondsSince(beganMs, endedAt.getTime()),
        tables: tables.sort((a, b) => (a.table < b.table ? -1 : 1)),
        rows: tables.reduce((sum, { rows }) => sum + rows, 0),
        steps: runbook.progress.steps,
        decisions: runbook.progress.decisions,
        warnings: runbook.progress.warnings,
      };
    },
    { guarded: true },
  );
}

/** Every empty table and every changed one at once, before any is copied. */
function refuse(tables: readonly InspectedTable[], { incremental }: PixReplica): void {
  const empty = tables.filter(({ state }) => state === 'empty' || state === 'absent');
  if (empty.length > 0)
    throw failure(
      'IncrementalTableEmpty',
      `tables must not be empty on the target: ${empty.map(({ name, state }) => `${name} (${state})`).join(', ')}`,
      {
        tables: empty.map(({ name }) => name),
      },
    );
  const changed = tables.filter(({ state }) => state === 'changed');
  if (changed.length > 0 && incremental.whenSchemaChanged === 'fail')
    throw failure('SchemaChanged', changed.map(({ name, differences }) => `table ${name}: ${differences.join(', ')}`).join(' | '), {
      tables: changed.map(({ name }) => name),
    });
}

function copyStep(table: string, { source, target, incremental }: PixReplica): PlannedStep {
  const { key = 'id' } = incremental.tables[table] ?? {};
  const step = plannedStep(`copy/${table}`, '3. Copy', `bring ${table} up to the ${source.name}`, [
    `COPY (SELECT … FROM "${table}" WHERE "${key}" > … AND "${key}" <= … ORDER BY "${key}") TO STDOUT (FORMAT binary)  →  ${target.name}`,
  ]);
  // The chunk under way is given up; after the pause the copy goes on behind the last one that was committed.
  return { ...step, whenPaused: 'yields' };
}

/** Changed tables are loaded whole one by one, then the others are copied side by side, the largest first. */
async function copyAll(
  run: IncrementalRun,
  seen: readonly InspectedTable[],
  changed: ReadonlySet<string>,
  done: ReplicatedTable[],
): Promise<void> {
  const { replica, copy, runbook } = run;
  const reload = async (table: string, reloaded: 'schemaChanged' | 'countsDiffer'): Promise<ReplicatedTable> => ({
    ...(await loadWhole(run, table)),
    ...{ difference: 0, reloaded },
  });
  const work = async (): Promise<void> => {
    for (const table of changed) {
      done.push(await reload(table, 'schemaChanged'));
      runbook.notNeeded(copyStep(table, replica), 'its columns changed: it was loaded whole');
    }
    const differing: string[] = [];
    await workPool<InspectedTable>(
      seen.filter(({ name }) => !changed.has(name)),
      replica.full.atOnceMax,
      ({ estimatedRows }) => estimatedRows,
      async ({ name: table }) => {
        const report = await runbook.step(copyStep(table, replica), async (record) => {
          const copied = await patientFor(`bring ${table} up to the ${replica.source.name}`, replica.retries).copyIncremental({
            copy,
            table,
          });
          record.note = inWords(copied);
          return copied;
        });
        const difference = report.counts.target - report.counts.source;
        if (difference !== 0) {
          runbook.warn(
            `table ${table}: ${report.counts.source} rows on the ${replica.source.name} and ${report.counts.target} on the ${replica.target.name} up to key ${report.keyAfter ?? 'none'}`,
          );
          if (replica.incremental.whenCountsDiffer === 'reload') differing.push(table);
        }
        if (!differing.includes(table)) done.push({ ...report, difference, reloaded: null });
        return [];
      },
    );
    for (const table of differing.sort()) done.push(await reload(table, 'countsDiffer'));
  };
  const mayLoad = changed.size > 0 || replica.incremental.whenCountsDiffer === 'reload';
  await (mayLoad ? withRestore({ work, restore: () => discardLoads(run) }) : work());
}

function inWords({ rows, chunks, lateRows, updates, deletes, keyAfter, counts }: IncrementalTableReport): string {
  const more = [
    [lateRows, 'late'],
    [updates, 'updated'],
    [deletes, 'deleted'],
  ].flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`]));
  return [
    `${rows} rows in ${chunks} chunks up to key ${keyAfter ?? 'none'}`,
    ...more,
    `${counts.source} on the source, ${counts.target} on the target`,
  ].join(', ');
}
