import { workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { IncrementalTableReport, InspectedTable } from '../../activities/warehouse/incremental/incremental.contract.ts';
import { step } from '../runbook/plan.ts';
import { procedure, type Procedure } from '../runbook/procedure.ts';
import { patientFor } from '../runbook/profiles.ts';
import type { Look, PlanReport } from '../runbook/runbook.contract.ts';
import { workPool } from '../runbook/workPool.ts';
import type { IncrementalReplicationFacts, IncrementalReplicationReport, ReplicatedTable } from './incrementalReplication.contract.ts';
import {
  discardLoads,
  incrementalCopyOf,
  incrementalTables,
  inspectAll,
  inspectIncremental,
  inspectStep,
  loadWhole,
  showingRows,
  type IncrementalRun,
} from './incrementalReplicationSteps.ts';
import type { PixInput, PixRequest } from './inputs.schema.ts';
import { guardGates, pausePolicyOf, underLoadGuard } from './loadGuard.ts';
import { ofReplica } from './ofReplica.ts';
import type { PixReplica } from './replica.contract.ts';

type IncrementalPlan = ReturnType<typeof planIncremental>;

function planIncremental(replica: PixReplica) {
  const { source, target, incremental } = replica;
  return {
    inspect: inspectStep,
    copies: incrementalTables(replica).map((table) => {
      const { key = 'id' } = incremental.tables[table] ?? {};
      return {
        ...step('3. Copy', `copy/${table}`, `bring ${table} up to the ${source.name}`, {
          commands: [
            `COPY (SELECT … FROM "${table}" WHERE "${key}" > … AND "${key}" <= … ORDER BY "${key}") TO STDOUT (FORMAT binary)  →  ${target.name}`,
          ],
          // The chunk under way is given up; after the pause the copy goes on behind the last one that was committed.
          whenPaused: 'yields',
        }),
        table,
      };
    }),
  };
}

export const incrementalReplication: Procedure<PixRequest<'pixIncrementalReplication'>, IncrementalPlan> = {
  ...ofReplica,
  type: 'pixIncrementalReplication',
  plan: ({ replica }) => planIncremental(replica),
  pauses: ({ replica }) => pausePolicyOf(replica),
  gates: ({ replica }) => {
    const { whenSchemaChanged, whenCountsDiffer } = replica.incremental;
    return [
      `a table whose columns changed: ${whenSchemaChanged}; whose counts differ after the copy: ${whenCountsDiffer}`,
      ...guardGates(replica),
    ];
  },
  needsLook: 'a table that is loaded whole gets a step of its own',
  look: ({ replica }) => look(replica),
  cancelled: 'every chunk that was copied stays, the next run goes on there',
};

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
export async function pixIncrementalReplication(
  input: PixInput<'pixIncrementalReplication'>,
): Promise<IncrementalReplicationReport | PlanReport> {
  return procedure(incrementalReplication, input, (context) =>
    underLoadGuard(context, async (): Promise<IncrementalReplicationFacts> => {
      const { request, plan, run } = context;
      const { replica } = request;
      const work: IncrementalRun = { replica, run, copy: incrementalCopyOf(replica, workflowInfo().runId) };
      const tables: ReplicatedTable[] = [];
      if (work.copy.tables.length === 0) {
        run.notNeeded(plan.inspect, 'no incremental tables configured');
        run.warn('no incremental tables configured');
      } else {
        const { tables: seen } = await inspectAll(work);
        const refused = refusal(seen, replica);
        if (refused) throw refused;
        await showingRows(work, () => copyAll(work, plan, seen, tables));
      }
      return {
        tables: tables.sort((a, b) => (a.table < b.table ? -1 : 1)),
        rows: tables.reduce((sum, { rows }) => sum + rows, 0),
      };
    }),
  );
}

async function look(replica: PixReplica): Promise<Look> {
  const copy = incrementalCopyOf(replica, workflowInfo().runId);
  if (copy.tables.length === 0) return { faults: [], warnings: ['no incremental tables configured'] };
  const { tables, faults } = await inspectIncremental(replica, copy);
  const refused = refusal(tables, replica);
  return { faults: refused ? [...faults, refused.message] : faults, warnings: [], facts: { tables } };
}

/** Every empty table, or every changed one, at once, before any is copied. */
function refusal(tables: readonly InspectedTable[], { incremental }: PixReplica): Error | null {
  const empty = tables.filter(({ state }) => state === 'empty' || state === 'absent');
  if (empty.length > 0)
    return failure(
      'IncrementalTableEmpty',
      `tables must not be empty on the target: ${empty.map(({ name, state }) => `${name} (${state})`).join(', ')}`,
      { tables: empty.map(({ name }) => name) },
    );
  const changed = changedOf(tables);
  if (changed.length === 0 || incremental.whenSchemaChanged !== 'fail') return null;
  return failure('SchemaChanged', changed.map(({ name, differences }) => `table ${name}: ${differences.join(', ')}`).join(' | '), {
    tables: changed.map(({ name }) => name),
  });
}

function changedOf(tables: readonly InspectedTable[]): InspectedTable[] {
  return tables.filter(({ state }) => state === 'changed');
}

/** Changed tables are loaded whole one by one, then the others are copied side by side, the largest first. */
async function copyAll(
  work: IncrementalRun,
  plan: IncrementalPlan,
  seen: readonly InspectedTable[],
  done: ReplicatedTable[],
): Promise<void> {
  const { replica, copy, run } = work;
  const changed = new Set(changedOf(seen).map(({ name }) => name));
  const reload = async (table: string, reloaded: 'schemaChanged' | 'countsDiffer'): Promise<void> => {
    done.push({ ...(await loadWhole(work, table, plan.copies[0])), difference: 0, reloaded });
  };
  const reloadsDiffering = replica.incremental.whenCountsDiffer === 'reload';
  try {
    for (const { table, ...planned } of plan.copies.filter((each) => changed.has(each.table))) {
      await reload(table, 'schemaChanged');
      run.notNeeded(planned, 'its columns changed: it was loaded whole');
    }
    const differing: string[] = [];
    const rowsOf = new Map(seen.map(({ name, estimatedRows }) => [name, estimatedRows]));
    await workPool(
      plan.copies.filter(({ table }) => !changed.has(table)),
      replica.full.atOnceMax,
      ({ table }) => rowsOf.get(table) ?? 0,
      async ({ table, ...planned }) => {
        const report = await run.step(planned, async (record) => {
          const copied = await patientFor(planned.title, replica.retries).copyIncremental({ copy, table });
          record.note = inWords(copied);
          return copied;
        });
        const difference = report.counts.target - report.counts.source;
        if (difference !== 0)
          run.warn(
            `table ${table}: ${report.counts.source} rows on the ${replica.source.name} and ${report.counts.target} on the ${replica.target.name} up to key ${report.keyAfter ?? 'none'}`,
          );
        if (difference !== 0 && reloadsDiffering) differing.push(table);
        else done.push({ ...report, difference, reloaded: null });
        return [];
      },
    );
    for (const table of differing.sort()) await reload(table, 'countsDiffer');
  } finally {
    if (changed.size > 0 || reloadsDiffering) await discardLoads(work);
  }
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
