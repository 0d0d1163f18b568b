import { workflowInfo } from '@temporalio/workflow';

import type { LearningContentReport } from '../../activities/lcms/learningContent.contract.ts';
import { step } from '../runbook/plan.ts';
import { procedure, type Procedure } from '../runbook/procedure.ts';
import { patientFor, probe } from '../runbook/profiles.ts';
import type { PlanReport } from '../runbook/runbook.contract.ts';
import type { PixInput, PixRequest } from './inputs.schema.ts';
import type { LearningContentRunReport } from './learningContent.contract.ts';
import { ofReplica, unlessDone } from './ofReplica.ts';

const plan = {
  replace: step('1. Learning content', 'replace', 'fetch the learning content and take its eight tables into use', {
    commands: ['GET <LCMS>/databases/airtable', 'COPY into new tables, then one transaction that puts all eight into use'],
    unwind: 'the former tables stay in use',
  }),
};

export const learningContent: Procedure<PixRequest<'pixLearningContent', 'learningContent'>, typeof plan> = {
  ...ofReplica,
  type: 'pixLearningContent',
  plan: () => plan,
  cancelled: 'the former tables are in use',
};

/**
 * Replaces the eight tables of the learning content (LCMS) in the warehouse.
 *
 * Runbook   pix 27 to 30 in deploy/systems/pix.md.
 * Downtime  none: the former tables serve until all eight new ones are filled and judged.
 * Needs     learningContent in the replica file.
 * On error  the former tables stay in use; when an answer is lost, the warehouse is asked which are, and a doubt that stays is a warning.
 * To stop   cancel.
 */
export async function pixLearningContent(input: PixInput<'pixLearningContent'>): Promise<LearningContentRunReport | PlanReport> {
  return procedure(learningContent, input, async ({ request: { replica }, run }): Promise<LearningContentReport> => {
    const { name, learningContent: content, target, schema, full, retries } = replica;
    const owner = { replica: name, run: workflowInfo().runId };
    return run.step(plan.replace, async (record) => {
      const done = await patientFor(`learning content of ${name}`, retries)
        .replaceLearningContent({ owner, target, schema, content, swapLimitSeconds: full.swapLimitSeconds })
        .catch((error: unknown) =>
          unlessDone(error, run, {
            read: () => probe('was the learning content put into use?').readLearningContent({ owner, target }),
            doubt: `it is not known which learning content is in use on the ${target.name}: the replacement gave no answer`,
          }),
        );
      record.note = `${Object.values(done.rows).reduce((sum, rows) => sum + rows, 0)} rows in 8 tables`;
      return done;
    });
  });
}
