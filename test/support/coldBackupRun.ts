import { join } from 'node:path';

import { Context } from '@temporalio/activity';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { WorkflowHandle } from '@temporalio/client';

import { createClockActivities } from '../../activities/clock/clockActivities.ts';
import { createRequestActivities } from '../../activities/requests/requestActivities.ts';
import { createRunActivities } from '../../activities/runs/runActivities.ts';
import type { ObjectStoreActivities } from '../../activities/objectStore/objectStore.contract.ts';
import type { RunActivities } from '../../activities/runs/runs.contract.ts';
import type { vitamColdBackup } from '../../workflows/vitam/coldBackup.ts';
import type { ColdBackupReport } from '../../workflows/vitam/coldBackup.contract.ts';
import type { VitamPlatform } from '../../workflows/vitam/platform.contract.ts';
import { openDefinitions } from '../../workflows/runbook/system.schema.ts';
import { vitam } from '../../workflows/vitam/system.schema.ts';
import type { vitamOptions, VitamRequest } from '../../workflows/vitam/inputs.schema.ts';
import type { RunProgress } from '../../workflows/runbook/runbook.contract.ts';
import { noSecrets, readDefinition } from './definitions.ts';
import { FakePlatform } from './fakePlatform.ts';
import { createWorker } from './temporalServer.ts';

export const fakePlatforms = join(import.meta.dirname, 'platforms');
const shipped = join(import.meta.dirname, '..', '..', 'deploy', 'definitions');

/** The small platform under that name. @param changes over the fields of its file. */
export function smallPlatform(changes: Record<string, unknown> = {}, name = 'small'): Promise<VitamPlatform> {
  return platformOf(join(fakePlatforms, 'small.yaml'), changes, name);
}

async function platformOf(file: string, changes: Record<string, unknown>, name: string): Promise<VitamPlatform> {
  const { definition, faults } = await readDefinition<VitamPlatform>(vitam, file, changes, name);
  if (!definition) throw new Error(`the test platform has faults: ${JSON.stringify(faults)}`);
  return definition;
}

export interface FakeRun {
  platform: FakePlatform;
  workflowId: string;
  taskQueue: string;
  handle: WorkflowHandle<typeof vitamColdBackup>;
  /** Result or failure, when the run has ended. */
  ended: Promise<{ report: ColdBackupReport } | { failure: unknown }>;
  progress: () => Promise<RunProgress>;
}

export interface FakeRunOptions {
  /** Workflow type; absent: vitamColdBackup. */
  type?: string;
  /** The platform that is shipped as an example, in the place of the small one. */
  example?: true;
  /** Over the fields of the platform. */
  changes?: Record<string, unknown>;
  /** Further fields of the request. */
  input?: Record<string, unknown>;
  prepare?: (platform: FakePlatform, cancel: () => Promise<void>) => void | Promise<void>;
  /** What the server says of a run, in the place of the server. */
  describeRun?: RunActivities['describeRun'];
}

/** A bucket that takes everything and holds nothing. */
const emptyStore: ObjectStoreActivities = {
  checkObjectStore: async () => undefined,
  putObject: async ({ key, sizeBytes, sha256 }) => ({ key, sizeBytes, sha256, elapsedSeconds: 0 }),
  listObjects: async () => [],
  deleteObjects: async () => undefined,
};

/** One worker for many runs, each over a fake platform of its own: an activity goes to the platform of the run that calls it. */
export interface FakeBench {
  env: TestWorkflowEnvironment;
  taskQueue: string;
  run: <Result>(options: FakeRunOptions, act: (run: FakeRun) => Promise<Result>) => Promise<Result>;
  close: () => Promise<void>;
}

interface FakeWorld {
  platform: FakePlatform;
  name: string;
  describeRun?: RunActivities['describeRun'];
}

export async function openFakeBench(env: TestWorkflowEnvironment): Promise<FakeBench> {
  const platforms = new Map<string, FakeWorld>();
  const taskQueue = `fakes-${process.pid}`;
  const mine = (): FakeWorld => {
    const id = Context.current().info.workflowExecution?.workflowId ?? '';
    const found = platforms.get(id.replace(/\/again$/, ''));
    if (!found) throw new Error(`no fake platform for ${id}`);
    return found;
  };
  const runs = createRunActivities({ client: env.client });
  const { readRequest } = openDefinitions([vitam], [fakePlatforms, shipped], noSecrets);
  // A name and things of its own keep the holds of parallel fakes apart.
  const readOwn = async (type: string, input: unknown): Promise<unknown> => {
    const request = (await readRequest(type, input)) as VitamRequest<keyof typeof vitamOptions>;
    const { name } = mine();
    return { ...request, target: name, platform: { ...request.platform, name }, things: request.things.map((thing) => `${name}/${thing}`) };
  };
  const names = Object.keys(new FakePlatform(await smallPlatform()).activities());
  const routed = Object.fromEntries(
    names.map((name) => [
      name,
      (input: unknown) => (mine().platform.activities() as unknown as Record<string, (input: unknown) => Promise<unknown>>)[name]?.(input),
    ]),
  );
  const worker = await createWorker(env, taskQueue, {
    ...routed,
    ...createClockActivities(),
    describeRun: (input: { workflowId: string }) => (mine().describeRun ?? runs.describeRun)(input),
    ...createRequestActivities({ readRequest: readOwn }),
    ...emptyStore,
  });
  const running = worker.run();
  let count = 0;
  return {
    env,
    taskQueue,
    close: async () => {
      worker.shutdown();
      await running;
    },
    async run({ type = 'vitamColdBackup', example, changes = {}, input = {}, prepare, describeRun }, act) {
      count += 1;
      const name = `fake-${process.pid}-${count}`;
      const workflowId = `vitam/${type.charAt('vitam'.length).toLowerCase()}${type.slice('vitam'.length + 1)}/${name}`;
      const platform = new FakePlatform(
        await (example ? platformOf(join(shipped, 'vitam.example.yaml'), changes, name) : smallPlatform(changes, name)),
      );
      const handle = env.client.workflow.getHandle<typeof vitamColdBackup>(workflowId);
      await prepare?.(platform, async () => {
        await handle.cancel();
      });
      platforms.set(workflowId, { platform, name, ...(describeRun ? { describeRun } : {}) });
      await env.client.workflow.start<typeof vitamColdBackup>(type, {
        workflowId,
        taskQueue,
        args: [{ platform: example ? 'vitam.example' : 'small', ...changes, ...input }],
      });
      const ended = handle.result().then(
        (report) => ({ report: report as ColdBackupReport }),
        (failure: unknown) => ({ failure }),
      );
      const result = await act({ platform, workflowId, taskQueue, handle, ended, progress: () => handle.query<RunProgress>('progress') });
      await ended;
      return result;
    },
  };
}
