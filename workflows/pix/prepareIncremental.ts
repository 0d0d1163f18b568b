import { workflowInfo } from '@temporalio/workflow';

import type { LoadedTable } from '../../activities/warehouse/incremental/incremental.contract.ts';
import { step } from '../runbook/plan.ts';
import { procedure, type Procedure } from '../runbook/procedure.ts';
import { patientFor } from '../runbook/profiles.ts';
import type { PlanReport } from '../runbook/runbook.contract.ts';
import {
  discardLoads,
  incrementalCopyOf,
  inspectAll,
  inspectIncremental,
  inspectStep,
  loadWhole,
  showingRows,
  type IncrementalRun,
} from './incrementalReplicationSteps.ts';
import type { PixInput, PixRequest } from './inputs.schema.ts';
import { ofReplica } from './ofReplica.ts';
import type { PrepareIncrementalFacts, PrepareIncrementalReport } from './prepareIncremental.contract.ts';

const plan = {
  inspect: inspectStep,
  foreignKeys: step('3. Make ready', 'foreign-keys', 'drop the foreign keys that lead out of the incremental tables', {
    commands: ['ALTER TABLE … DROP CONSTRAINT …'],
  }),
  record: step('3. Make ready', 'record', 'write down columns and highest keys in schema nightshift of the target'),
};

export const prepareIncremental: Procedure<PixRequest<'pixPrepareIncremental'>, typeof plan> = {
  ...ofReplica,
  type: 'pixPrepareIncremental',
  plan: () => plan,
  needsLook: 'every table that is absent, empty or has other columns is loaded whole in a step of its own',
  look: async ({ replica, tables: only }) => {
    const { faults, tables } = await inspectIncremental(replica, incrementalCopyOf(replica, workflowInfo().runId, only));
    return { faults, warnings: [], facts: { tables } };
  },
  cancelled: 'tables that were taken into use stay, what was being loaded is dropped',
};

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
export async function pixPrepareIncremental(input: PixInput<'pixPrepareIncremental'>): Promise<PrepareIncrementalReport | PlanReport> {
  return procedure(prepareIncremental, input, async ({ request: { replica, tables: only }, run }): Promise<PrepareIncrementalFacts> => {
    const copy = incrementalCopyOf(replica, workflowInfo().runId, only);
    const work: IncrementalRun = { replica, run, copy };
    if (copy.tables.length === 0) run.warn('no incremental tables configured');
    const { tables } = await inspectAll(work);
    const wanted = tables.filter(({ state }) => state !== 'ready');
    const loaded: LoadedTable[] = [];
    if (wanted.length > 0)
      try {
        await showingRows(work, async () => {
          for (const { name } of wanted) loaded.push(await loadWhole(work, name, plan.foreignKeys));
        });
      } finally {
        await discardLoads(work);
      }
    const foreignKeysDropped = await run.step(plan.foreignKeys, async (record) => {
      const dropped = await patientFor(plan.foreignKeys.title, replica.retries).dropIncrementalForeignKeys({ copy });
      record.note = dropped.length > 0 ? dropped.join(', ') : 'there was none';
      return dropped;
    });
    const recorded = await run.step(plan.record, () => patientFor(plan.record.title, replica.retries).recordIncremental({ copy }));
    return {
      ...{ loaded, foreignKeysDropped, recorded },
      alreadyLoaded: tables.flatMap(({ name, state }) => (state === 'ready' ? [name] : [])),
    };
  });
}
