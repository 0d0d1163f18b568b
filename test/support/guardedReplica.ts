import { Context, heartbeat, sleep } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';

import type { LoadGuardActivities, LoadVerdict } from '../../activities/loadGuard/loadGuard.contract.ts';
import type { RunProgress } from '../../workflows/runbook/runbook.contract.ts';
import { FakeContainers } from './fakeContainers.ts';
import { FakeReplica } from './fakeReplica.ts';
import { endOf, openReplicaWorker, type RunEnd } from './replicaWorker.ts';
import { waitUntil } from './waitUntil.ts';

type WatchInput = Parameters<LoadGuardActivities['watchLoad']>[0];

/** A fake replica whose activities can be held, with a load and containers that the test rules. */
export interface GuardedReplica {
  replica: FakeReplica;
  containers: FakeContainers;
  /** What the guard asked for, in order. */
  watches: WatchInput[];
  /** The verdict of the watch under way, or of the next one. */
  say: (verdict: Exclude<LoadVerdict['verdict'], 'limit'>, why?: string) => void;
  /** Calls of that key, for example "copyTables copy/users", wait until released or cancelled. */
  hold: (key: string) => { begun: () => number; release: () => void };
  start: (type: string, input?: Record<string, unknown>) => Promise<GuardedRun>;
}

export interface GuardedRun {
  handle: WorkflowHandle;
  ended: RunEnd;
  progress: (link?: string) => Promise<RunProgress>;
  until: (what: string, holds: (progress: RunProgress) => boolean, link?: string) => Promise<RunProgress>;
  update: (name: string, message: object, link?: string) => Promise<unknown>;
}

/** One worker for many guarded replicas, each found by its name in the run's id. */
export interface GuardBench {
  open: (document?: Record<string, unknown>) => Promise<GuardedReplica>;
  close: () => Promise<void>;
}

type Activity = (input: HeldInput) => Promise<unknown>;

export async function openGuardBench(env: TestWorkflowEnvironment): Promise<GuardBench> {
  const taskQueue = `guarded-${process.pid}`;
  const replicas = new Map<string, Record<string, Activity>>();
  const names = Object.keys({ ...new FakeReplica().activities(), ...new FakeContainers().activities(), watchLoad: null });
  const routed = Object.fromEntries(
    names.map((activity): [string, Activity] => [
      activity,
      async (input) => {
        const id = Context.current().info.workflowExecution?.workflowId ?? '';
        const act = replicas.get(id.split('/')[2] ?? '')?.[activity];
        if (!act) throw new Error(`no guarded replica for ${id}`);
        return act(input);
      },
    ]),
  );
  const worker = await openReplicaWorker(env, taskQueue, routed);
  return {
    async open(document = {}) {
      const name = `guarded-${replicas.size + 1}`;
      const { guarded, activities } = guardedReplica(env, taskQueue, name);
      replicas.set(name, activities);
      await worker.describe(name, { tables: { answers: 'incremental' }, ...document });
      return guarded;
    },
    close: worker.close,
  };
}

function guardedReplica(
  env: TestWorkflowEnvironment,
  taskQueue: string,
  name: string,
): { guarded: GuardedReplica; activities: Record<string, Activity> } {
  const [replica, containers, watches] = [new FakeReplica(), new FakeContainers(), [] as WatchInput[]];
  const verdicts: LoadVerdict[] = [];
  const holds = new Map<string, { begun: number; released: boolean }>();
  const held = Object.entries(replica.activities() as unknown as Record<string, Activity>).map(([activity, act]): [string, Activity] => [
    activity,
    async (input) => {
      const hold = holds.get(`${activity} ${input.item?.id ?? input.table ?? ''}`.trim());
      if (hold) {
        hold.begun += 1;
        await until(() => hold.released);
      }
      return act(input);
    },
  ]);
  const watchLoad = async (input: HeldInput): Promise<LoadVerdict | undefined> => {
    watches.push(input as unknown as WatchInput);
    await until(() => verdicts.length > 0);
    return verdicts.shift();
  };
  const guarded: GuardedReplica = {
    ...{ replica, containers, watches },
    say(verdict, why = 'app 900 ms (limit 500)') {
      verdicts.push({ verdict, readings: [{ name: 'app', value: null, breached: verdict === 'breached', said: why }], why });
    },
    hold(key) {
      const hold = { begun: 0, released: false };
      holds.set(key, hold);
      return { begun: () => hold.begun, release: () => void (hold.released = true) };
    },
    async start(type, input = {}) {
      const workflowId = `pix/${type}/${name}`;
      const handle = await env.client.workflow.start(type, { workflowId, taskQueue, args: [{ replica: name, ...input }] });
      const ended = endOf(handle);
      const at = (link: string): WorkflowHandle => env.client.workflow.getHandle(link === '' ? workflowId : `${workflowId}/${link}`);
      const progress = (link = ''): Promise<RunProgress> => at(link).query<RunProgress>('progress');
      return {
        ...{ handle, ended, progress },
        async until(what, wanted, link = '') {
          let seen: RunProgress | null = null;
          await waitUntil(what, async () => {
            // Before its first task a run knows no query.
            seen = await progress(link).catch(() => null);
            return seen !== null && wanted(seen);
          });
          return seen as unknown as RunProgress;
        },
        update: (update, message, link = '') => at(link).executeUpdate(update, { args: [message] }),
      };
    },
  };
  const activities = { ...Object.fromEntries(held), ...(containers.activities() as unknown as Record<string, Activity>), watchLoad };
  return { guarded, activities };
}

interface HeldInput {
  item?: { id: string };
  table?: string;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    heartbeat();
    await sleep(20);
    Context.current().cancellationSignal.throwIfAborted();
  }
}
