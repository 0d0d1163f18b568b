import { Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import { CancelledFailure, type TemporalFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';

import type { RunProgress, StepState } from '../../workflows/runbook/runbook.contract.ts';
import type { FakeReplicaActivities } from './fakeReplica.contract.ts';
import { FakeReplica } from './fakeReplica.ts';
import { endOf, openReplicaWorker, type RunEnd } from './replicaWorker.ts';

export interface FakeReplicaRun {
  replica: FakeReplica;
  /** Of the replica's file. */
  name: string;
  workflowId: string;
  taskQueue: string;
  handle: WorkflowHandle;
  ended: RunEnd;
  /** Of the run, or of the child that stands for a link of the chain. */
  progress: (link?: string) => Promise<RunProgress>;
  update: (name: string, message: object) => Promise<unknown>;
}

export interface FakeReplicaOptions {
  type: string;
  input?: Record<string, unknown>;
  /** Over the fields of the whole replica. */
  document?: Record<string, unknown>;
  prepare?: (replica: FakeReplica, cancel: () => Promise<unknown>) => void;
}

/** One worker for many runs, each over a fake replica of its own, found by the run's id: `pix/<anything>/<name>…`. */
export interface FakeReplicaBench {
  env: TestWorkflowEnvironment;
  taskQueue: string;
  /** A replica of its own without a run, for tests that start runs themselves. */
  describe: (document?: Record<string, unknown>) => Promise<{ name: string; replica: FakeReplica }>;
  run: <Result>(options: FakeReplicaOptions, act: (run: FakeReplicaRun) => Promise<Result>) => Promise<Result>;
  close: () => Promise<void>;
}

export async function openFakeReplicas(env: TestWorkflowEnvironment): Promise<FakeReplicaBench> {
  const replicas = new Map<string, FakeReplica>();
  const taskQueue = `fake-replicas-${process.pid}`;
  const names = Object.keys(new FakeReplica().activities()) as (keyof FakeReplicaActivities)[];
  const routed = Object.fromEntries(
    names.map((activity) => [
      activity,
      (input: never) => {
        const id = Context.current().info.workflowExecution?.workflowId ?? '';
        const [, name = '', link = ''] = /^pix\/[^/]+\/(fake-\d+-\d+)[^/]*\/?(.*)$/.exec(id) ?? [];
        const replica = replicas.get(name);
        if (!replica) throw new Error(`no fake replica for ${id}`);
        return replica.activities(link)[activity](input);
      },
    ]),
  );
  const worker = await openReplicaWorker(env, taskQueue, routed);
  let count = 0;
  const describe: FakeReplicaBench['describe'] = async (document = {}) => {
    count += 1;
    const name = `fake-${process.pid}-${count}`;
    await worker.describe(name, document);
    const replica = new FakeReplica();
    replica.clock = () => env.currentTimeMs();
    replicas.set(name, replica);
    return { name, replica };
  };
  return {
    ...{ env, taskQueue, describe },
    close: worker.close,
    async run({ type, input = {}, document, prepare }, act) {
      const { name, replica } = await describe(document);
      const workflowId = `pix/${type}/${name}`;
      prepare?.(replica, () => env.client.workflow.getHandle(workflowId).cancel());
      const handle = await env.client.workflow.start(type, { workflowId, taskQueue, args: [{ replica: name, ...input }] });
      const ended = endOf(handle);
      const progressOf = (link: string): Promise<RunProgress> =>
        env.client.workflow.getHandle(link === '' ? workflowId : `${workflowId}/${link}`).query<RunProgress>('progress');
      const result = await act({
        ...{ replica, name, workflowId, taskQueue, handle, ended },
        progress: (link = '') => progressOf(link),
        update: (update, message) => handle.executeUpdate(update, { args: [message] }),
      });
      await ended;
      return result;
    },
  };
}

/** Marks of the steps by their ids. */
export function marksOf({ steps }: RunProgress): Record<string, StepState> {
  return Object.fromEntries(steps.map(({ id, state }) => [id, state]));
}

export function isCancelled(failure: TemporalFailure | null): boolean {
  return failure instanceof CancelledFailure;
}
