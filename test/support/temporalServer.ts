import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

import { Connection } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';

import { unthrottled } from '../../deploy/lab/temporal/devServer.ts';
import { tool } from '../../deploy/setup/tools.ts';
import { workflowBundleFile } from '../../workers/workflowBundle.ts';
import { holdsQueue, searchAttributes } from '../../workflows/names.contract.ts';
import { startServerProcess, type ServerProcess } from './serverProcess.ts';

let installed = false;

function quiet(): void {
  if (installed) return;
  installed = true;
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } } });
}

/** A real dev server, in memory, with our search attributes. */
export async function startDevServer(): Promise<TestWorkflowEnvironment> {
  quiet();
  const names = Object.values(searchAttributes);
  const server = await startServerProcess(
    await tool('temporal'),
    (port) => [
      ...['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'error'],
      ...names.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
      // As the SDK starts it: it asks nobody for newer versions.
      ...['--dynamic-config-value', 'frontend.enableServerVersionCheck=false'],
      ...unthrottled,
    ],
    (address) =>
      onConnection(address, async (connection) => {
        await connection.workflowService.describeNamespace({ namespace: 'default' });
        // Made by the server after its port is open: a run that begins earlier would stumble over them.
        const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
        for (const name of names) if (!(name in (customAttributes ?? {}))) throw new Error(`${name} is not there yet`);
      }),
  );
  return environmentOn(server, false);
}

async function onConnection(address: string, ask: (connection: Connection) => Promise<void>): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: 10_000 });
  try {
    await ask(connection);
  } finally {
    await connection.close();
  }
}

/** The SDK's way to this, with its other settings, is not open to others: its own start of a server gives up after 5 s. */
interface EnvironmentMaker {
  create: (options: {
    server: { type: 'existing' };
    address: string;
    namespace: string;
    supportsTimeSkipping: boolean;
  }) => Promise<TestWorkflowEnvironment>;
}

/** The SDK's environment on a server of ours; its `teardown` ends the server too. */
async function environmentOn({ address, stop }: ServerProcess, supportsTimeSkipping: boolean): Promise<TestWorkflowEnvironment> {
  try {
    const maker = TestWorkflowEnvironment as unknown as EnvironmentMaker;
    const env = await maker.create({ server: { type: 'existing' }, address, namespace: 'default', supportsTimeSkipping });
    const close = env.teardown.bind(env);
    env.teardown = async () => {
      await close();
      await stop();
    };
    return env;
  } catch (error) {
    await stop();
    throw error;
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
  const server = await startServerProcess(
    await tool('timeSkippingServer'),
    (port) => [String(port)],
    (address) => onConnection(address, async ({ workflowService }) => void (await workflowService.getSystemInfo({}))),
  );
  const env = await environmentOn(server, true);
  try {
    await env.connection.operatorService.addSearchAttributes({
      namespace: env.namespace ?? 'default',
      searchAttributes: Object.fromEntries(Object.values(searchAttributes).map((name) => [name, 2])),
    });
    await serveHolds(env);
    return env;
  } catch (error) {
    await env.teardown();
    throw error;
  }
}

/** See hold.workflow.ts. Ends with the environment. */
async function serveHolds(env: TestWorkflowEnvironment): Promise<void> {
  const worker = await Worker.create({
    connection: env.nativeConnection,
    namespace: env.namespace ?? 'default',
    taskQueue: holdsQueue,
    workflowsPath: fileURLToPath(new URL('./hold.workflow.ts', import.meta.url)),
  });
  const running = worker.run();
  const close = env.teardown.bind(env);
  env.teardown = async () => {
    worker.shutdown();
    await running;
    await close();
  };
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
