import { workflowInfo } from '@temporalio/workflow';

import type { OpenDataReport } from '../../activities/openData/openData.contract.ts';
import { step } from '../runbook/plan.ts';
import { procedure, type Procedure } from '../runbook/procedure.ts';
import { patient, patientFor, probe } from '../runbook/profiles.ts';
import type { PlanReport } from '../runbook/runbook.contract.ts';
import type { PixInput, PixRequest } from './inputs.schema.ts';
import { ofReplica, unlessDone } from './ofReplica.ts';
import type { OpenDataRunReport } from './openData.contract.ts';

const plan = {
  replace: step('1. Open data', 'replace', 'fetch the open-data list and take its table into use', {
    commands: ['GET <list>?limit=100&offset=…', 'COPY into a new table, then one transaction that puts it into use'],
    unwind: 'the former table stays in use',
  }),
  check: step('2. Verify', 'check', 'count what readers see'),
};

export const openData: Procedure<PixRequest<'pixOpenData', 'openData'>, typeof plan> = {
  ...ofReplica,
  type: 'pixOpenData',
  plan: () => plan,
  cancelled: 'the former table is in use, or the whole new one',
};

/**
 * Replaces the table of the open-data list (CPF) in the warehouse.
 *
 * Runbook   pix 39 in deploy/systems/pix.md.
 * Downtime  none: the former table serves until the new one is filled and counted.
 * Needs     openData in the replica file.
 * On error  the former table stays in use; when an answer is lost, the warehouse is asked which one is, and a doubt that stays is a warning.
 * To stop   cancel.
 */
export async function pixOpenData(input: PixInput<'pixOpenData'>): Promise<OpenDataRunReport | PlanReport> {
  return procedure(openData, input, async ({ request: { replica }, run }): Promise<OpenDataReport> => {
    const { name, target, schema, openData: list, full, retries } = replica;
    const owner = { replica: name, run: workflowInfo().runId };
    const report = await run.step(plan.replace, async (record) => {
      const done = await patientFor(`open data of ${name}`, retries)
        .replaceOpenData({ owner, target, schema, openData: list, swapLimitSeconds: full.swapLimitSeconds })
        .catch((error: unknown) =>
          unlessDone(error, run, {
            read: () => probe('was the open data put into use?').readOpenData({ owner, target }),
            doubt: `it is not known which table of the open data is in use on the ${target.name}: the replacement gave no answer`,
          }),
        );
      record.note = `${done.rows} of ${done.totalCount} rows`;
      return done;
    });
    if (report.rows < report.totalCount)
      run.warn(`the list has ${report.totalCount} rows; openData.rowsMax takes only the first ${report.rows}`);
    if (report.lost.length > 0) run.warn(`lost with the former ${report.table}: ${report.lost.join(', ')}`);
    await run.step(plan.check, () =>
      patient(`count ${report.table}`, 300).checkOpenData({ target, schema, table: report.table, rows: report.rows }),
    );
    return report;
  });
}
