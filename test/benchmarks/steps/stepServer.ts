import { join } from 'node:path';

import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

import { startDevServer } from '../../../deploy/lab/temporal/devServer.ts';
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
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } } });
  return bundleWorkflowCode({ workflowsPath: join(import.meta.dirname, 'steps.workflow.ts'), logger: new DefaultLogger('ERROR') });
}

/** The worker has the settings of workers/operations.ts. */
export async function openStepServer(
  kind: 'memory' | 'file',
  bench: Bench,
  workflowBundle: WorkflowBundleWithSourceMap,
  activities: object,
): Promise<StepServer> {
  const address = await openServer(kind, bench);
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

/** The same program with the same settings for both kinds; its own output goes to a log, so that --json stays clean. */
async function openServer(kind: 'memory' | 'file', bench: Bench): Promise<string> {
  const opening = startDevServer({
    // Without a name the server keeps everything in memory.
    database: kind === 'memory' ? '' : join(bench.directory, 'temporal.db'),
    log: join(bench.directory, `temporal-${kind}.log`),
    say: bench.say,
  });
  bench.atEnd(async () => (await opening).stop());
  return (await opening).address;
}
