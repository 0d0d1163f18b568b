import { join } from 'node:path';

import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

import { startDevServer as startFileServer } from '../../../deploy/lab/devServer.ts';
import { startDevServer as startMemoryServer } from '../../support/temporalServer.ts';
import type { Bench } from '../bench.contract.ts';
import { readStepTimes, type StepTime } from './stepTimes.ts';

export interface MeasuredRun {
  /** From the request to start to the result in the client's hands, in seconds. */
  seconds: number;
  steps: StepTime[];
}

/** A dev server with a worker and a client on it. */
export interface StepServer {
  run(this: void, workflow: string, input: object): Promise<MeasuredRun>;
}

const taskQueue = 'bench-steps';

export function bundleSteps(): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({ workflowsPath: join(import.meta.dirname, 'steps.workflow.ts'), logger: new DefaultLogger('ERROR') });
}

/** The worker has the settings of workers/operations.ts. */
export async function openStepServer(
  kind: 'memory' | 'file',
  bench: Bench,
  workflowBundle: WorkflowBundleWithSourceMap,
  activities: object,
): Promise<StepServer> {
  const address = await (kind === 'memory' ? openInMemory(bench) : openOnFile(bench));
  const connection = await NativeConnection.connect({ address });
  bench.atEnd(() => connection.close());
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowBundle,
    activities,
    maxConcurrentActivityTaskExecutions: 50,
    maxCachedWorkflows: 50,
    maxHeartbeatThrottleInterval: '5 seconds',
  });
  const running = worker.run();
  running.catch((error: unknown) => bench.say(`worker of the benchmark: ${String(error)}`));
  bench.atEnd(async () => {
    if (worker.getState() === 'RUNNING') worker.shutdown();
    await running;
  });
  const clientConnection = await Connection.connect({ address });
  bench.atEnd(() => clientConnection.close());
  const client = new Client({ connection: clientConnection });
  let count = 0;
  return {
    async run(workflow, input) {
      count += 1;
      const beganMs = performance.now();
      const handle = await client.workflow.start(workflow, { taskQueue, workflowId: `${workflow}/${count}`, args: [input] });
      await handle.result();
      const seconds = (performance.now() - beganMs) / 1000;
      return { seconds, steps: readStepTimes(await handle.fetchHistory()) };
    },
  };
}

async function openInMemory(bench: Bench): Promise<string> {
  const opening = startMemoryServer();
  bench.atEnd(async () => (await opening).teardown());
  return (await opening).address;
}

async function openOnFile(bench: Bench): Promise<string> {
  const opening = startFileServer({
    database: join(bench.directory, 'temporal.db'),
    log: join(bench.directory, 'temporal.log'),
    say: bench.say,
  });
  bench.atEnd(async () => (await opening).stop());
  return (await opening).address;
}
