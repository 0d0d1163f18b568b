import { after, before, describe } from 'node:test';

import { onDevServer, withoutWorkflowStacks } from '../../support/temporalServer.ts';
import { detailsTests } from './details.ts';
import { fanOutTests } from './fanOut.ts';
import { holdTests } from './hold.ts';
import { pauseTests } from './pauses.ts';
import { procedureTests } from './procedure.ts';
import { stepTests } from './steps.ts';
import { stoppableTests } from './stoppable.ts';
import { wayBackTests } from './wayBack.ts';
import { bundleWords, openWordsBench, type WordsBench } from './wordsBench.ts';

/** One server and one bundle for all of them: a file of tests would be a process with both of its own. */
describe('the words of the frame', { concurrency: 3 }, () => {
  let bench: WordsBench;
  before(async () => {
    withoutWorkflowStacks();
    const bundle = bundleWords();
    // Made while the server starts; whoever awaits it is told of a failure.
    bundle.catch(() => undefined);
    bench = await onDevServer(async (env) => openWordsBench(env, await bundle));
  });
  after(() => bench.close());
  for (const register of [wayBackTests, procedureTests, stepTests, holdTests, stoppableTests, pauseTests, fanOutTests, detailsTests])
    register(() => bench);
});
