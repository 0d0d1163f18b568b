import { join } from 'node:path';

import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { WorkflowHandle } from '@temporalio/client';

import { createClockActivities } from '../../activities/clock/clockActivities.ts';
import { createRequestActivities } from '../../activities/requests/requestActivities.ts';
import { createRunActivities } from '../../activities/runs/runActivities.ts';
import type { vitamColdBackup } from '../../workflows/vitam/coldBackup.ts';
import type { ColdBackupReport } from '../../workflows/vitam/coldBackup.contract.ts';
import type { VitamPlatform } from '../../workflows/vitam/platform.contract.ts';
import { readPlatformFile, vitamReaders } from '../../workflows/vitam/requests.schema.ts';
import type { RunProgress } from '../../workflows/runbook/runbook.contract.ts';
import { FakePlatform } from './fakePlatform.ts';
import { createWorker } from './temporalServer.ts';

export const fakePlatforms = join(import.meta.dirname, 'platforms');

export async function smallPlatform(changes: Record<string, unknown> = {}): Promise<VitamPlatform> {
  const { platform, faults } = await readPlatformFile(join(fakePlatforms, 'small.yaml'), changes);
  if (!platform) throw new Error(`the test platform has faults: ${JSON.stringify(faults)}`);
  return platform;
}

let count = 0;

export interface FakeRun {
  platform: FakePlatform;
  workflowId: string;
  handle: WorkflowHandle<typeof vitamColdBackup>;
  /** Result or failure, when the run has ended. */
  ended: Promise<{ report: ColdBackupReport } | { failure: unknown }>;
  progress: () => Promise<RunProgress>;
}

/**
 * Starts a cold backup over a fake platform on a worker of its own (own task queue, own lock name through its own platform name is not needed:
 * runs follow each other or use their own namespace of fakes), lets `act` play with it, ends the worker.
 */
export async function withFakeRun<Result>(
  env: TestWorkflowEnvironment,
  options: { changes?: Record<string, unknown>; input?: Record<string, unknown>; prepare?: (platform: FakePlatform, cancel: () => Promise<void>) => void },
  act: (run: FakeRun) => Promise<Result>,
): Promise<Result> {
  count += 1;
  const name = `fake-${process.pid}-${count}`;
  const workflowId = `vitam/coldBackup/${name}`;
  const changes = { ...options.changes, name };
  const platform = new FakePlatform(await smallPlatform(changes));
  const handle = env.client.workflow.getHandle<typeof vitamColdBackup>(workflowId);
  options.prepare?.(platform, async () => {
    await handle.cancel();
  });
  const readers = vitamReaders([fakePlatforms]);
  const activities = {
    ...platform.activities(),
    ...createClockActivities(),
    ...createRunActivities({ client: env.client }),
    // The platform's own name keeps the locks of parallel fakes apart.
    ...createRequestActivities({
      readers: Object.fromEntries(
        Object.entries(readers).map(([procedure, read]) => [
          procedure,
          async (input: unknown) => {
            const request = (await read(input)) as { platform: VitamPlatform };
            return { ...request, platform: { ...request.platform, name } };
          },
        ]),
      ),
    }),
  };
  const worker = await createWorker(env, workflowId, activities);
  return worker.runUntil(async () => {
    await env.client.workflow.start<typeof vitamColdBackup>('vitamColdBackup', {
      workflowId,
      taskQueue: workflowId,
      args: [{ platform: 'small', ...options.changes, ...options.input }],
    });
    const ended = handle.result().then(
      (report) => ({ report: report as ColdBackupReport }),
      (failure: unknown) => ({ failure }),
    );
    const result = await act({ platform, workflowId, handle, ended, progress: () => handle.query<RunProgress>('progress') });
    await ended;
    return result;
  });
}
