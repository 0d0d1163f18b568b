import { workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import { secondsSince } from '../runbook/elapsed.ts';
import { patient, patientFor, probe } from '../runbook/profiles.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import type { OpenDataInput, OpenDataRequest, OpenDataRunReport } from './openData.contract.ts';
import { unlessDone } from './lostAnswer.ts';
import { runPixProcedure } from './runPixProcedure.ts';

const replace: PlannedStep = {
  id: 'replace',
  title: 'fetch the open-data list and put its table into use',
  phase: '1. Open data',
  commands: ['GET <list>?limit=100&offset=…', 'COPY into a new table, then one transaction that puts it into use'],
  skippable: false,
};
const check: PlannedStep = { id: 'check', title: 'count what readers see', phase: '2. Verify', commands: [], skippable: false };

/**
 * Replaces the table of the open-data list (CPF) in the warehouse.
 *
 * Runbook   pix 39 in deploy/systems/pix.md.
 * Downtime  none: the former table serves until the new one is filled and counted.
 * Needs     openData in the replica file.
 * On error  the former table stays in use; when an answer is lost, the warehouse is asked which one is, and a doubt that stays is a warning.
 * To stop   cancel.
 */
export async function pixOpenData(input: OpenDataInput): Promise<OpenDataRunReport> {
  return runPixProcedure<OpenDataRequest, OpenDataRunReport>(
    'pixOpenData',
    input,
    [replace, check],
    async ({ replica }, runbook, beganMs) => {
      const { name, target, schema, openData, full, retries } = replica;
      if (!openData) throw failure('InvalidInput', `replica ${name} has no field openData: say where the list is`);
      const owner = { replica: name, run: workflowInfo().runId };
      const report = await runbook.step(replace, async (record) => {
        const done = await patientFor(`open data of ${name}`, retries)
          .replaceOpenData({ ...{ owner, target, schema, openData }, swapLimitSeconds: full.swapLimitSeconds })
          .catch((error: unknown) =>
            unlessDone(error, runbook, {
              read: () => probe('was the open data put into use?').readOpenData({ owner, target }),
              doubt: `it is not known which table of the open data is in use on the ${target.name}: the replacement gave no answer`,
            }),
          );
        record.note = `${done.rows} of ${done.totalCount} rows`;
        return done;
      });
      if (report.rows < report.totalCount)
        runbook.warn(`the list has ${report.totalCount} rows; openData.rowsMax takes only the first ${report.rows}`);
      if (report.lost.length > 0) runbook.warn(`lost with the former ${report.table}: ${report.lost.join(', ')}`);
      await runbook.step(check, () =>
        patient(`count ${report.table}`, 300).checkOpenData({ target, schema, table: report.table, rows: report.rows }),
      );
      return {
        replica: name,
        ...report,
        seconds: secondsSince(beganMs),
        steps: runbook.progress.steps,
        warnings: runbook.progress.warnings,
      };
    },
  );
}
