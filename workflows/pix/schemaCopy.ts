import { workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { SchemaCopyInspection } from '../../activities/warehouse/schemaCopy/schemaCopy.contract.ts';
import { step } from '../runbook/plan.ts';
import { procedure, type Procedure } from '../runbook/procedure.ts';
import { patient, patientFor, probe } from '../runbook/profiles.ts';
import type { PlanReport } from '../runbook/runbook.contract.ts';
import type { PixInput, PixRequest } from './inputs.schema.ts';
import { ofReplica, unlessDone } from './ofReplica.ts';
import type { SchemaCopyFacts, SchemaCopyReport } from './schemaCopy.contract.ts';

type Request = PixRequest<'pixSchemaCopy', 'schemaCopy'>;

const limitSeconds = 1800;

const plan = {
  check: step('1. Check both sides', 'check', 'look at the warehouse and the database of the copy'),
  copy: step('2. Copy', 'copy', 'play the schema of the warehouse into the other database, in one transaction', {
    commands: ['pg_dump --schema-only --no-owner --no-privileges --clean --if-exists', 'psql --set=ON_ERROR_STOP=1 --single-transaction'],
    unwind: 'the other database is as it was',
  }),
  compare: step('3. Verify', 'compare', 'compare tables and columns of both sides', { limitSeconds }),
};

export const schemaCopy: Procedure<Request, typeof plan> = {
  ...ofReplica,
  type: 'pixSchemaCopy',
  plan: () => plan,
  holds: ({ things }) => things,
  look: async (request) => {
    const { source, target, faults } = await inspect(request);
    return { faults, warnings: [], facts: { source, target } };
  },
  cancelled: 'the other database is as it was, or has the whole new schema',
};

/**
 * Copies the schema of the warehouse, without rows, into another database. What has the same name there is replaced.
 *
 * Runbook   pix 38 in deploy/systems/pix.md.
 * Downtime  none for the warehouse; readers of the other database wait for the moment of the transaction.
 * Needs     schemaCopy in the replica file; pg_dump, pg_restore and psql on the worker.
 * On error  the other database is as it was; when an answer is lost, its tables are looked at, and a doubt that stays is a warning.
 * To stop   cancel.
 */
export async function pixSchemaCopy(input: PixInput<'pixSchemaCopy'>): Promise<SchemaCopyReport | PlanReport> {
  return procedure(schemaCopy, input, async ({ request, run }): Promise<SchemaCopyFacts> => {
    const { name, retries } = request.replica;
    const copy = copyOf(request);
    const owner = { replica: name, run: workflowInfo().runId };
    await run.step(plan.check, async (record) => {
      const seen = await inspect(request);
      if (seen.faults.length > 0)
        throw failure('PreflightFailed', `${seen.faults.length} faults: ${seen.faults.join(' | ')}`, { faults: seen.faults });
      record.note = `${seen.source.database} (${seen.source.version}) into ${seen.target.database} (${seen.target.version})`;
    });
    const copied = await run.step(plan.copy, async (record) => {
      const done = await patientFor(`copy the schema of ${name}`, retries)
        .copySchema({ owner, copy })
        .catch((error: unknown) =>
          unlessDone(error, run, {
            read: () => probe('was the schema copied?').readSchemaCopy({ owner, copy }),
            doubt: `it is not known whether the ${copy.target.name} has the new schema: the copy gave no answer`,
          }),
        );
      record.note = `${done.entries} entries`;
      return done;
    });
    const compared = await run.step(plan.compare, async (record) => {
      const found = await patient('compare both schemas', limitSeconds).compareSchemas({ copy });
      record.note = `${found.tables} tables and views alike`;
      return found;
    });
    if (compared.extra.length > 0)
      run.warn(`the ${copy.target.name} has what the warehouse has not, untouched: ${compared.extra.slice(0, 50).join(', ')}`);
    return { ...copied, ...compared };
  });
}

function copyOf({ replica: { target, schemaCopy: other } }: Request): { source: typeof target; target: typeof target } {
  return { source: target, target: other.target };
}

function inspect(request: Request): Promise<SchemaCopyInspection> {
  return patient('look at both databases', 300).inspectSchemaCopy({ copy: copyOf(request), others: [request.replica.source] });
}
