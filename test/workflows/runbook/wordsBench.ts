import { fileURLToPath } from 'node:url';

import { Context } from '@temporalio/activity';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

import { createRequestActivities } from '../../../activities/requests/requestActivities.ts';
import { createRunActivities } from '../../../activities/runs/runActivities.ts';
import { failure } from '../../../activities/failure.ts';
import type { RunOutcome, RunProgress, RunReport } from '../../../workflows/runbook/runbook.contract.ts';
import { openDefinitions } from '../../../workflows/runbook/system.schema.ts';
import { noSecrets } from '../../support/definitions.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { words } from './words.schema.ts';

/** What a call of the test's activity does; what it answers is the answer, nothing: the name of the call. */
export type Act = () => string | undefined | Promise<string | undefined>;

export interface WordsRun {
  id: string;
  handle: WorkflowHandle;
  /** Every call of an activity, in order, with those of the run's parts. */
  calls: string[];
  /** The report, or the cause of the run's end. */
  ended: Promise<{ report: RunReport & Record<string, unknown> } | { cause: Error }>;
  progress: () => Promise<RunProgress>;
  report: () => Promise<RunReport>;
  /** Current details, as the Web UI has them. */
  details: () => Promise<string>;
  /** From the memo alone. */
  outcome: () => Promise<RunOutcome>;
  status: () => Promise<string>;
  called: (what: string, times?: number) => Promise<void>;
  /** Until the progress is so. */
  until: (what: string, is: (progress: RunProgress) => boolean) => Promise<RunProgress>;
  update: (name: string, message: object) => Promise<unknown>;
}

export interface WordsBench {
  env: TestWorkflowEnvironment;
  start: (type: string, input?: Record<string, unknown>, acts?: Record<string, Act>, taskQueue?: string) => Promise<WordsRun>;
  /** A worker on a queue of its own, to be shut down by the test. */
  openWorker: (taskQueue: string) => Promise<() => Promise<void>>;
  close: () => Promise<void>;
}

interface World {
  calls: string[];
  acts: Record<string, Act>;
}

/** The workflows of these tests as a worker has them: with the interceptor that shows the details. */
export function bundleWords(): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./words.workflow.ts', import.meta.url)),
    workflowInterceptorModules: [fileURLToPath(new URL('../../../workflows/runbook/showDetails.ts', import.meta.url))],
    logger: new DefaultLogger('ERROR'),
  });
}

/** One server, one bundle and one worker for all tests of the frame; each run has things, calls and troubles of its own. */
export async function openWordsBench(env: TestWorkflowEnvironment, workflowBundle: WorkflowBundleWithSourceMap): Promise<WordsBench> {
  const worlds = new Map<string, World>();
  const mine = (): World => {
    const id = Context.current().info.workflowExecution?.workflowId.split('/')[0] ?? '';
    const found = worlds.get(id);
    if (!found) throw new Error(`no test has begun ${id}`);
    return found;
  };
  const definitions = openDefinitions([words], [import.meta.dirname], noSecrets);
  const runs = createRunActivities({ client: env.client });
  const activities = {
    ...createRequestActivities({
      readRequest: (type, input) => {
        mine().calls.push(`readRequest ${type}`);
        return definitions.readRequest(type, input);
      },
    }),
    describeRun: (input: { workflowId: string }) => {
      mine().calls.push(`describeRun ${input.workflowId}`);
      return runs.describeRun(input);
    },
    act: async (what: string): Promise<string> => {
      const { calls, acts } = mine();
      calls.push(what);
      return (await acts[what]?.()) ?? what;
    },
  };
  const openWorker = async (taskQueue: string): Promise<() => Promise<void>> => {
    const worker = await Worker.create({
      connection: env.nativeConnection,
      namespace: env.namespace ?? 'default',
      taskQueue,
      workflowBundle,
      activities,
      maxHeartbeatThrottleInterval: '100 milliseconds',
      defaultHeartbeatThrottleInterval: '100 milliseconds',
    });
    const running = worker.run();
    return async () => {
      worker.shutdown();
      await running;
    };
  };
  const usual = `words-${process.pid}`;
  const close = await openWorker(usual);
  let count = 0;
  return {
    env,
    openWorker,
    close,
    async start(type, input = {}, acts = {}, taskQueue = usual) {
      count += 1;
      const id = `${type}-${count}`;
      const calls: string[] = [];
      worlds.set(id, { calls, acts });
      const args = 'handedDown' in input ? [input] : [{ words: 'words', things: [`thing of ${id}`], ...input }];
      const handle = await env.client.workflow.start(type, { workflowId: id, taskQueue, args });
      return runOf(handle, id, calls);
    },
  };
}

function runOf(handle: WorkflowHandle, id: string, calls: string[]): WordsRun {
  const progress = (): Promise<RunProgress> => handle.query<RunProgress>('progress');
  return {
    id,
    handle,
    calls,
    ended: handle.result().then(
      (report) => ({ report: report as RunReport & Record<string, unknown> }),
      (error: unknown) => ({ cause: error instanceof WorkflowFailedError && error.cause ? error.cause : (error as Error) }),
    ),
    progress,
    report: () => handle.query<RunReport>('report'),
    details: async () => (await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata')).currentDetails ?? '',
    outcome: async () => (await handle.describe()).memo?.['outcome'] as RunOutcome,
    status: async () => (await handle.describe()).status.name,
    called: (what, times = 1) =>
      waitUntil(`${id} calls ${what} ${times} times: ${calls.join(', ')}`, () => calls.filter((each) => each === what).length >= times),
    async until(what, is) {
      // Before it has read its input a run answers no question.
      await waitUntil(`${id}: ${what}`, () => progress().then(is, () => false));
      return progress();
    },
    update: (name, message) => handle.executeUpdate(name, { args: [message] }),
  };
}

/** Fails the first calls, for ever without `times`. */
export function failing(times = Infinity): Act {
  let left = times;
  return () => {
    left -= 1;
    if (left >= 0) throw failure('InvalidInput', 'a trouble made by the test');
    return undefined;
  };
}

/** A call that lasts until the test opens it, or until the run is cancelled. */
export function gate(whenCancelled: Act = () => undefined): { wait: Act; open: (answer?: string) => void } {
  const opened = Promise.withResolvers<string | undefined>();
  return {
    open: opened.resolve,
    async wait() {
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat(), 200);
      try {
        return await Promise.race([opened.promise, context.cancelled]);
      } catch (error) {
        await whenCancelled();
        throw error;
      } finally {
        clearInterval(beat);
      }
    },
  };
}
