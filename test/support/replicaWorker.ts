import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { TemporalFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';

import { createClockActivities } from '../../activities/clock/clockActivities.ts';
import { createRequestActivities } from '../../activities/requests/requestActivities.ts';
import { createRunActivities } from '../../activities/runs/runActivities.ts';
import { pix } from '../../workflows/pix/system.schema.ts';
import { openDefinitions } from '../../workflows/runbook/system.schema.ts';
import { createWorker } from './temporalServer.ts';

/** A replica with everything that a procedure may need. Its times are those of a test: a question is open for a moment only. */
const wholeFakeReplica = (name: string): Record<string, unknown> => ({
  ...{ system: 'pix', source: { url: 'source' }, target: { url: `${name}-warehouse` } },
  tables: { answers: 'incremental', 'knowledge-elements': 'incremental', audit: 'none' },
  foreignKeys: true,
  learningContent: { url: 'http://lcms.example', apiKey: 'key' },
  notifications: [
    { name: 'one', url: 'hook-one' },
    { name: 'two', url: 'hook-two' },
  ],
  schemaCopy: { target: { url: `${name}-copy` } },
  openData: { url: 'http://open.example/list' },
  objectStore: { region: 'lab', bucket: 'dumps', prefix: 'pix' },
  retries: { attemptsMax: 3, initialSeconds: 0.05 },
  policy: { questionSeconds: 0.1 },
});

/** A secret is called like its database, or "<database>.<user>": two secrets may lead to one database. */
async function urlOf(secret: string): Promise<string> {
  const [database = '', user = 'nightshift'] = secret.split('.');
  return `postgres://${user}:canary@Db.example/${database}`;
}

/** A worker with the real workflows over faked activities, and a folder of replica files. */
export interface ReplicaWorker {
  /** Writes the file of a replica: the whole fake one with other fields. */
  describe: (name: string, document: Record<string, unknown>) => Promise<void>;
  close: () => Promise<void>;
}

export async function openReplicaWorker(env: TestWorkflowEnvironment, taskQueue: string, activities: object): Promise<ReplicaWorker> {
  const directory = await mkdtemp(join(tmpdir(), 'ns-replicas-'));
  const worker = await createWorker(env, taskQueue, {
    ...activities,
    ...createClockActivities(),
    ...createRunActivities({ client: env.client }),
    ...createRequestActivities(openDefinitions([pix], [directory], urlOf)),
  });
  const running = worker.run();
  return {
    describe: (name, document) => writeFile(join(directory, `${name}.yaml`), JSON.stringify({ ...wholeFakeReplica(name), ...document })),
    async close() {
      worker.shutdown();
      await running;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** When the run has ended: exactly one is not null. */
export type RunEnd = Promise<{ report: object | null; failure: TemporalFailure | null }>;

export function endOf(handle: WorkflowHandle): RunEnd {
  return handle.result().then(
    (report: object) => ({ report, failure: null }),
    (error: unknown) => {
      if (!(error instanceof WorkflowFailedError) || !error.cause) throw error;
      return { report: null, failure: error.cause as TemporalFailure };
    },
  );
}
