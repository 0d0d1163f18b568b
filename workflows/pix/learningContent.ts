import { workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import { secondsSince } from '../runbook/elapsed.ts';
import { patientFor, probe } from '../runbook/profiles.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import type { LearningContentInput, LearningContentRequest, LearningContentRunReport } from './learningContent.contract.ts';
import { unlessDone } from './lostAnswer.ts';
import { runPixProcedure } from './runPixProcedure.ts';

const replace: PlannedStep = {
  id: 'replace',
  title: 'fetch the learning content and put its eight tables into use',
  phase: '1. Learning content',
  commands: ['GET <LCMS>/databases/airtable', 'COPY into new tables, then one transaction that puts all eight into use'],
  skippable: false,
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
export async function pixLearningContent(input: LearningContentInput): Promise<LearningContentRunReport> {
  return runPixProcedure<LearningContentRequest, LearningContentRunReport>(
    'pixLearningContent',
    input,
    [replace],
    async ({ replica }, runbook, beganMs) => {
      const { learningContent: content, target, schema, full, retries } = replica;
      if (!content) throw failure('InvalidInput', `replica ${replica.name} has no field learningContent: say where the LCMS is`);
      const owner = { replica: replica.name, run: workflowInfo().runId };
      const report = await runbook.step(replace, async (record) => {
        const done = await patientFor(`learning content of ${replica.name}`, retries)
          .replaceLearningContent({ ...{ owner, target, schema, content }, swapLimitSeconds: full.swapLimitSeconds })
          .catch((error: unknown) =>
            unlessDone(error, runbook, {
              read: () => probe('was the learning content put into use?').readLearningContent({ owner, target }),
              doubt: `it is not known which learning content is in use on the ${target.name}: the replacement gave no answer`,
            }),
          );
        record.note = `${Object.values(done.rows).reduce((sum, rows) => sum + rows, 0)} rows in 8 tables`;
        return done;
      });
      return { replica: replica.name, ...report, seconds: secondsSince(beganMs), steps: runbook.progress.steps };
    },
  );
}
