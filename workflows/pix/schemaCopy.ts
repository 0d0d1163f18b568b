import { workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import { secondsSince } from '../runbook/elapsed.ts';
import { patient, patientFor, probe } from '../runbook/profiles.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import { unlessDone } from './lostAnswer.ts';
import { runPixProcedure } from './runPixProcedure.ts';
import type { SchemaCopyInput, SchemaCopyReport, SchemaCopyRequest } from './schemaCopy.contract.ts';

const limitSeconds = 1800;

const step = (id: string, phase: string, title: string, commands: string[] = []): PlannedStep => ({
  ...{ id, phase, title, commands, skippable: false },
});
const check = step('check', '1. Check both sides', 'look at the warehouse and the database of the copy');
const copySchema = step('copy', '2. Copy', 'apply the schema of the warehouse to the other database, in one transaction', [
  'pg_dump --schema-only --no-owner --no-privileges --clean --if-exists',
  'psql --set=ON_ERROR_STOP=1 --single-transaction',
]);
const compare = step('compare', '3. Verify', 'compare tables and columns of both sides');

/**
 * Copies the schema of the warehouse, without rows, into another database. What has the same name there is replaced.
 *
 * Runbook   pix 38 in deploy/systems/pix.md.
 * Downtime  none for the warehouse; readers of the other database wait for the moment of the transaction.
 * Needs     schemaCopy in the replica file; pg_dump, pg_restore and psql on the worker.
 * On error  the other database is as it was; when an answer is lost, its tables are looked at, and a doubt that stays is a warning.
 * To stop   cancel.
 */
export async function pixSchemaCopy(input: SchemaCopyInput): Promise<SchemaCopyReport> {
  return runPixProcedure<SchemaCopyRequest, SchemaCopyReport>(
    'pixSchemaCopy',
    input,
    [check, copySchema, compare],
    async ({ replica }, runbook, beganMs) => {
      const { name, source, target, schemaCopy, retries } = replica;
      if (!schemaCopy) throw failure('InvalidInput', `replica ${name} has no field schemaCopy: say which database gets the copy`);
      const copy = { source: target, target: schemaCopy.target };
      const owner = { replica: name, run: workflowInfo().runId };
      await runbook.step(check, async (record) => {
        const seen = await patient('look at both databases', 300).inspectSchemaCopy({ copy, others: [source] });
        if (seen.faults.length > 0)
          throw failure('PreflightFailed', `${seen.faults.length} faults: ${seen.faults.join(' | ')}`, { faults: seen.faults });
        record.note = `${seen.source.database} (${seen.source.version}) into ${seen.target.database} (${seen.target.version})`;
      });
      const copied = await runbook.step(copySchema, async (record) => {
        const done = await patientFor(`copy the schema of ${name}`, retries)
          .copySchema({ owner, copy })
          .catch((error: unknown) =>
            unlessDone(error, runbook, {
              read: () => probe('was the schema copied?').readSchemaCopy({ owner, copy }),
              doubt: `it is not known whether the ${copy.target.name} has the new schema: the copy gave no answer`,
            }),
          );
        record.note = `${done.entries} entries`;
        return done;
      });
      const compared = await runbook.step(compare, async (record) => {
        const found = await patient('compare both schemas', limitSeconds).compareSchemas({ copy });
        record.note = `${found.tables} tables and views alike`;
        return found;
      });
      if (compared.extra.length > 0)
        runbook.warn(
          `the ${copy.target.name} has objects that the warehouse does not have; they were left alone: ${compared.extra.slice(0, 50).join(', ')}`,
        );
      return {
        replica: name,
        seconds: secondsSince(beganMs),
        ...{ ...copied, ...compared, steps: runbook.progress.steps, warnings: runbook.progress.warnings },
      };
    },
  );
}
