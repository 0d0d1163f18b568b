import { CancellationScope } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { IncrementalCopy, IncrementalInspection, LoadedTable } from '../../activities/warehouse/incremental/incremental.contract.ts';
import { lookingOn } from '../runbook/alongside.ts';
import { describeFailure } from '../runbook/failures.ts';
import { step } from '../runbook/plan.ts';
import { patient, patientFor, probe } from '../runbook/profiles.ts';
import type { Run } from '../runbook/run.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import type { PixReplica } from './replica.contract.ts';

/** What both procedures of the incremental tables are made of. */
export interface IncrementalRun {
  replica: PixReplica;
  copy: IncrementalCopy;
  run: Run;
}

export function incrementalTables({ tables }: PixReplica): string[] {
  return Object.keys(tables).filter((name) => tables[name] === 'incremental');
}

/** The incremental tables of a replica, or some of them, in the words of the capability. */
export function incrementalCopyOf(replica: PixReplica, run: string, only: readonly string[] | null = null): IncrementalCopy {
  return {
    ...{ replica: replica.name, run, source: replica.source, target: replica.target, schema: replica.schema },
    chunkRows: replica.incremental.chunkRows,
    tables: incrementalTables(replica)
      .filter((name) => only === null || only.includes(name))
      .sort()
      .map((name) => {
        const { key = 'id', updatedAt = null, deletes = false } = replica.incremental.tables[name] ?? {};
        const extraIndexes = replica.full.enrichment
          .filter(({ table }) => table === name)
          .map((index) => ({ name: index.name, on: index.on }));
        return { name, key, updatedAt, deletes, extraIndexes };
      }),
  };
}

export const inspectStep = step('1. Check every table', 'inspect', 'look at every incremental table on both sides', {
  whenPaused: 'waits',
});

export function inspectIncremental(replica: PixReplica, copy: IncrementalCopy): Promise<IncrementalInspection> {
  return patientFor(`look at the incremental tables of ${replica.name}`, replica.retries).inspectIncremental({ copy });
}

/** All tables before any is touched; whatever forbids the copy in any case is reported at once. */
export async function inspectAll({ replica, copy, run }: IncrementalRun): Promise<IncrementalInspection> {
  return run.step(inspectStep, async (record) => {
    const seen = await inspectIncremental(replica, copy);
    if (seen.faults.length > 0)
      throw failure('PreflightFailed', `${seen.faults.length} faults: ${seen.faults.join(' | ')}`, { faults: seen.faults });
    record.note = seen.tables.map(({ name, state }) => `${name} ${state}`).join(', ');
    return seen;
  });
}

function loadStep(table: string): PlannedStep {
  return step('2. Load whole', `load/${table}`, `load ${table} whole beside the one in use, then take it into use`, {
    unwind: 'what was loaded is dropped; the table in use stays',
    whenPaused: 'restarts',
  });
}

/** @param before the step that follows all loads. */
export async function loadWhole(
  { replica, copy, run }: IncrementalRun,
  table: string,
  before: PlannedStep | undefined,
): Promise<LoadedTable> {
  const { swapLimitSeconds, indexMemoryMegabytes } = replica.full;
  const planned = loadStep(table);
  run.addSteps([planned], before);
  return run.step(planned, async (record) => {
    const loaded = await patientFor(planned.title, replica.retries).loadIncremental({
      copy,
      table,
      swapLimitSeconds,
      indexMemoryMegabytes,
    });
    record.note = `${loaded.rows} rows, ${loaded.indexes} indexes${loaded.rebound.length > 0 ? `, bound again: ${loaded.rebound.join(', ')}` : ''}`;
    return loaded;
  });
}

/** Drops what an ended load left; what cannot be dropped now is reported, and dropped by the next load. */
export async function discardLoads({ replica, copy, run }: IncrementalRun): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    try {
      await patient(`drop what was being loaded for ${replica.name}`, 300).discardIncrementalLoad({ copy });
    } catch (error) {
      run.warn(`schema nightshift_load stays on the ${replica.target.name} until the next load: ${describeFailure(error).message}`);
    }
  });
}

/** Shows rows per table while the work goes on. */
export async function showingRows<Result>({ copy, run }: IncrementalRun, work: () => Promise<Result>): Promise<Result> {
  const look = async (): Promise<void> => {
    const { tables } = await probe('rows per table').readIncrementalProgress({ copy });
    for (const { table, rows, chunks, rowsUnderWay } of tables)
      for (const id of [`copy/${table}`, `load/${table}`]) {
        const record = run.record(id);
        if (record?.state === 'running') record.note = `${rows + rowsUnderWay} rows, ${chunks} chunks done`;
      }
  };
  return lookingOn('the rows', look, work);
}
