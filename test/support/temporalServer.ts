import { setFlagsFromString } from 'node:v8';

import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';

import { unthrottled } from '../../deploy/lab/devServer.ts';
import { tool } from '../../deploy/setup/tools.ts';
import { workflowBundleFile } from '../../workers/workflowBundle.ts';
import { searchAttributes } from '../../workflows/names.contract.ts';

let installed = false;

function quiet(): void {
  if (installed) return;
  installed = true;
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } } });
}

/** A real dev server, in memory, with our search attributes. */
export async function startDevServer(): Promise<TestWorkflowEnvironment> {
  quiet();
  const path = await tool('temporal');
  return patiently(() =>
    TestWorkflowEnvironment.createLocal({
      server: {
        executable: { type: 'existing-path', path },
        extraArgs: unthrottled,
        searchAttributes: Object.values(searchAttributes).map((name) => ({ name, type: 'KEYWORD' as const })),
      },
    }),
  );
}

/** The SDK gives a server 5 s to answer: on a busy machine it is started anew. */
async function patiently(start: () => Promise<TestWorkflowEnvironment>, triesLeft = 5): Promise<TestWorkflowEnvironment> {
  try {
    return await start();
  } catch (error) {
    if (triesLeft === 0 || !/did not start within/.test(String(error))) throw error;
    return patiently(start, triesLeft - 1);
  }
}

/** What `open` makes on a dev server of its own; `close` ends both. */
export async function onDevServer<Bench extends { close: () => Promise<void> }>(
  open: (env: TestWorkflowEnvironment) => Promise<Bench>,
): Promise<Bench & { env: TestWorkflowEnvironment }> {
  const env = await startDevServer();
  try {
    const bench = await open(env);
    const close = async (): Promise<void> => {
      await bench.close();
      await env.teardown();
    };
    return { ...bench, env, close };
  } catch (error) {
    await env.teardown();
    throw error;
  }
}

/** The time-skipping server: nights pass in seconds. One clock: one workflow at a time. */
export async function startTimeSkippingServer(): Promise<TestWorkflowEnvironment> {
  quiet();
  const path = await tool('timeSkippingServer');
  const env = await patiently(() =>
    TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } }),
  );
  await env.connection.operatorService.addSearchAttributes({
    namespace: env.namespace ?? 'default',
    searchAttributes: Object.fromEntries(Object.values(searchAttributes).map((name) => [name, 2])),
  });
  return env;
}

let bundle: Promise<{ codePath: string }> | undefined;

/** The real workflow bundle, as the worker has it. */
export function workflowBundle(): Promise<{ codePath: string }> {
  quiet();
  bundle ??= workflowBundleFile().then((codePath) => ({ codePath }));
  return bundle;
}

/**
 * For sweeps of hundreds of runs: workers that are made after this collect no stack for each promise of a workflow, which is a quarter of their processor
 * time. Failures of workflows keep type and message, tests keep their own stacks.
 */
export function withoutWorkflowStacks(): void {
  setFlagsFromString('--stack-trace-limit=0');
}

/** A worker with the real workflows and the given activities. */
export async function createWorker(env: TestWorkflowEnvironment, taskQueue: string, activities: object): Promise<Worker> {
  return Worker.create({
    connection: env.nativeConnection,
    namespace: env.namespace ?? 'default',
    taskQueue,
    // Not the name of this machine: it would stand in recorded histories.
    identity: 'test-worker',
    workflowBundle: await workflowBundle(),
    activities,
    maxHeartbeatThrottleInterval: '100 milliseconds',
    defaultHeartbeatThrottleInterval: '100 milliseconds',
  });
}
