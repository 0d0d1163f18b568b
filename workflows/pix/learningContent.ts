import { failure } from '../../activities/failure.ts';
import { secondsSince } from '../runbook/elapsed.ts';
import { patientFor } from '../runbook/profiles.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import type { LearningContentInput, LearningContentRequest, LearningContentRunReport } from './learningContent.contract.ts';
import { runPixProcedure } from './runPixProcedure.ts';

const replace: PlannedStep = {
  id: 'replace',
  title: 'fetch the learning content and put its eight tables into use',
  phase: '1. Learning content',
  commands: ['GET <LCMS>/databases/airtable', 'COPY into new tables, then one transaction that takes all eight into use'],
  skippable: false,
};

/**
 * Replaces the eight tables of the learning content (LCMS) in the warehouse.
 *
 * Runbook   systems.md C.2.4, PX-10.
 * Downtime  none: the former tables serve until all eight new ones are filled and judged.
 * Needs     learningContent in the replica file.
 * On error  the former tables stay in use; only an answer lost for good leaves that open, and the failure claims neither.
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
      const report = await runbook.step(replace, async (record) => {
        const done = await patientFor(`learning content of ${replica.name}`, retries).replaceLearningContent({
          ...{ target, schema, content },
          swapLimitSeconds: full.swapLimitSeconds,
        });
        record.note = `${Object.values(done.rows).reduce((sum, rows) => sum + rows, 0)} rows in 8 tables`;
        return done;
      });
      return { replica: replica.name, ...report, seconds: secondsSince(beganMs), steps: runbook.progress.steps };
    },
  );
}
