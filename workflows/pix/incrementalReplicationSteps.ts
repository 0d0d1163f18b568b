import { CancellationScope } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { IncrementalCopy, IncrementalInspection, LoadedTable } from '../../activities/postgres/incremental/incremental.contract.ts';
import type { Runbook } from '../runbook/beginRunbook.ts';
import { describeFailure } from '../runbook/failures.ts';
import { patient, patientFor, probe } from '../runbook/profiles.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import { watchWhile } from '../runbook/watchWhile.ts';
import type { PixReplica } from './replica.contract.ts';

/** What both procedures of the incremental tables are made of. */
export interface IncrementalRun {
  replica: PixReplica;
  copy: IncrementalCopy;
  runbook: Runbook;
}

/** The incremental tables of a replica, or some of them, in the words of the capability. */
export function incrementalCopyOf(replica: PixReplica, run: string, only: readonly string[] | null = null): IncrementalCopy {
  const incremental = Object.keys(replica.tables).filter((name) => replica.tables[name] === 'incremental');
  for (const name of only ?? [])
    if (!incremental.includes(name))
      throw failure(
        'InvalidInput',
        `table ${name} is not incremental in replica ${replica.name}; these are: ${incremental.join(', ') || 'none'}`,
      );
  return {
    ...{ replica: replica.name, run, source: replica.source, target: replica.target, schema: replica.schema },
    chunkRows: replica.incremental.chunkRows,
    tables: incremental
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

export function plannedStep(id: string, phase: string, title: string, commands: string[] = []): PlannedStep {
  return { id, phase, title, commands, skippable: false, whenPaused: 'waits' };
}

export const inspectStep = plannedStep('inspect', '1. Check every table', 'look at every incremental table on both sides', []);

/** All tables before any is touched; whatever forbids the copy in any case is reported at once. */
export async function inspectAll({ replica, copy, runbook }: IncrementalRun): Promise<IncrementalInspection> {
  return runbook.step(inspectStep, async (record) => {
    const seen = await patientFor(`look at the incremental tables of ${replica.name}`, replica.retries).inspectIncremental({ copy });
    if (seen.faults.length > 0)
      throw failure('PreflightFailed', `${seen.faults.length} faults: ${seen.faults.join(' | ')}`, { faults: seen.faults });
    record.note = seen.tables.map(({ name, state }) => `${name} ${state}`).join(', ');
    return seen;
  });
}

export function loadStep(table: string): PlannedStep {
  return {
    ...plannedStep(`load/${table}`, '2. Load whole', `load all of ${table} next to the one in use, then put it into use`),
    unwind: 'what was loaded is dropped; the table in use stays',
    whenPaused: 'restarts',
  };
}

export async function loadWhole({ replica, copy, runbook }: IncrementalRun, table: string): Promise<LoadedTable> {
  const { swapLimitSeconds, indexMemoryMegabytes } = replica.full;
  const planned = loadStep(table);
  runbook.addSteps([planned]);
  return runbook.step(planned, async (record) => {
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
export async function discardLoads({ replica, copy, runbook }: IncrementalRun): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    try {
      await patient(`drop what was being loaded for ${replica.name}`, 300).discardIncrementalLoad({ copy });
    } catch (error) {
      runbook.warn(`schema nightshift_load stays on the ${replica.target.name} until the next load: ${describeFailure(error).message}`);
    }
  });
}

/** Shows rows per table while the work goes on. */
export async function showingRows<Result>({ copy, runbook }: IncrementalRun, work: () => Promise<Result>): Promise<Result> {
  const look = async (): Promise<void> => {
    const { tables } = await probe('rows per table').readIncrementalProgress({ copy });
    for (const { table, rows, chunks, rowsUnderWay } of tables)
      for (const id of [`copy/${table}`, `load/${table}`]) {
        const record = runbook.record(id);
        if (record?.state === 'running') record.note = `${rows + rowsUnderWay} rows, ${chunks} chunks done`;
      }
    runbook.show();
  };
  return watchWhile('the rows', look, work);
}
