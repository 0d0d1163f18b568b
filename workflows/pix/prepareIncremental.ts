import { workflowInfo } from '@temporalio/workflow';

import type { LoadedTable } from '../../activities/postgres/incremental/incremental.contract.ts';
import { secondsSince } from '../runbook/elapsed.ts';
import { patientFor } from '../runbook/profiles.ts';
import { withRestore } from '../runbook/withRestore.ts';
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
import type { PrepareIncrementalInput, PrepareIncrementalReport, PrepareIncrementalRequest } from './prepareIncremental.contract.ts';
import { runPixProcedure } from './runPixProcedure.ts';

const foreignKeys = plannedStep('foreign-keys', '3. Make ready', 'drop the foreign keys that lead out of the incremental tables', [
  'ALTER TABLE … DROP CONSTRAINT …',
]);
const record = plannedStep('record', '3. Make ready', 'write down columns and highest keys in schema nightshift of the target');

/**
 * The one-time set-up of the incremental tables: those that the warehouse lacks, has empty or has with other columns are loaded whole; then their foreign keys
 * are dropped and what is known of them is written down. May be run again at any time: what is ready stays.
 *
 * Runbook   pix 26 in deploy/systems/pix.md.
 * Downtime  none: a table is loaded next to the one in use and swapped in one short transaction.
 * Needs     room on the target for a second copy of a table that is replaced; pg_dump on the worker; types and functions of the tables on either side.
 * On error  tables that were put into use stay; what was being loaded is dropped.
 * To stop   cancel.
 */
export async function pixPrepareIncremental(input: PrepareIncrementalInput): Promise<PrepareIncrementalReport> {
  return runPixProcedure<PrepareIncrementalRequest, PrepareIncrementalReport>(
    'pixPrepareIncremental',
    input,
    [inspectStep, foreignKeys, record],
    async ({ replica, tables: only }, runbook, beganMs) => {
      const run: IncrementalRun = { replica, runbook, copy: incrementalCopyOf(replica, workflowInfo().runId, only) };
      const { copy } = run;
      if (copy.tables.length === 0) runbook.warn('no incremental tables configured');
      const { tables } = await inspectAll(run);
      const wanted = tables.filter(({ state }) => state !== 'ready');
      const loaded: LoadedTable[] = [];
      if (wanted.length > 0)
        await withRestore({
          work: () =>
            showingRows(run, async () => {
              for (const { name } of wanted) loaded.push(await loadWhole(run, name));
            }),
          restore: () => discardLoads(run),
        });
      const foreignKeysDropped = await runbook.step(foreignKeys, async (step) => {
        const dropped = await patientFor(foreignKeys.title, replica.retries).dropIncrementalForeignKeys({ copy });
        step.note = dropped.length > 0 ? dropped.join(', ') : 'there was none';
        return dropped;
      });
      const recorded = await runbook.step(record, () => patientFor(record.title, replica.retries).recordIncremental({ copy }));
      const endedAt = new Date();
      return {
        replica: replica.name,
        beganAt: new Date(beganMs).toISOString(),
        endedAt: endedAt.toISOString(),
        seconds: secondsSince(beganMs, endedAt.getTime()),
        ...{ loaded, foreignKeysDropped, recorded },
        alreadyLoaded: tables.flatMap(({ name, state }) => (state === 'ready' ? [name] : [])),
        steps: runbook.progress.steps,
        decisions: runbook.progress.decisions,
        warnings: runbook.progress.warnings,
      };
    },
  );
}
