import { sleep } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { HttpAnswer, HttpRequest } from '../../activities/http/http.contract.ts';
import { pauseBetweenLooks } from '../runbook/alongside.ts';
import { describeFailure, isCancellation } from '../runbook/failures.ts';
import { once, patient, probe } from '../runbook/profiles.ts';
import type { Night } from './night.ts';
import type { VitamSecurisation } from './platform.contract.ts';
import { anyHostOf, apiRequest, rowsOf } from './vitamApi.ts';

type ByScheduler = Extract<VitamSecurisation, { mechanism: 'scheduler' }>;

/** How a securisation is watched: whether one runs, how the last one since `since` ended, and how to start one by hand. */
export interface Watch {
  isRunning: () => Promise<boolean>;
  /** Outcome of the newest run that ended after `since`; null while there is none. */
  outcomeSince: (sinceAt: string) => Promise<string | null>;
  trigger: () => Promise<void>;
}

/** VITAM 6.0 and later: the scheduler's jobs, judged by the logbook, not by counting (vitam 21). */
export function watchScheduler(night: Night, securisation: ByScheduler): Watch {
  const { platform } = night;
  const logbook = anyHostOf(platform, securisation.logbook);
  const tenant = securisation.adminTenant;
  const ask = (summary: string, request: HttpRequest, accept = [200]): Promise<HttpAnswer> =>
    patient(summary, request.timeoutSeconds).requestHttp({ host: logbook.host, request, accept });
  let byHand: string | null = null;

  const newest = async (sinceAt: string): Promise<string | null> => {
    const request = apiRequest(logbook.component, {
      method: 'GET',
      path: '/logbook/v1/operations',
      tenant,
      body: {
        $query: { $and: [{ $eq: { evType: 'STP_OP_SECURISATION' } }, { $gte: { evDateTime: sinceAt } }] },
        $filter: { $orderby: { evDateTime: -1 }, $limit: 1 },
        $projection: {},
      },
    });
    const [event] = rowsOf<{ outcome?: string; evDateTime?: string }>(await ask('newest securisation in the logbook', request));
    return event?.outcome && (event.evDateTime ?? '') >= sinceAt ? event.outcome : null;
  };

  return {
    isRunning: () => anyJobRuns(night, securisation.jobs),
    outcomeSince: async (sinceAt) => byHand ?? newest(sinceAt),
    trigger: async () => {
      const request = apiRequest(logbook.component, {
        method: 'POST',
        path: '/logbook/v1/operations/traceability',
        tenant,
        body: platform.tenants,
      });
      // Synchronous and long: its own limit.
      const started = await once('secure the operations by hand', securisation.at.limitSeconds).requestHttp({
        host: logbook.host,
        request: { ...request, timeoutSeconds: securisation.at.limitSeconds },
        accept: [200],
      });
      const operations = rowsOf<{ tenantId?: number; operationId?: string }>(started);
      if (operations.length === 0) throw failure('HttpUnexpectedAnswer', 'the logbook started a securisation and named no operation');
      const outcomes: string[] = [];
      for (const { operationId, tenantId } of operations) outcomes.push(await operationOutcome(String(operationId), tenantId ?? tenant));
      for (const kind of ['units', 'objectgroups'] as const)
        for (const each of platform.tenants) outcomes.push(await lifecycle(kind, each));
      const bad = outcomes.find((outcome) => outcome !== 'OK' && outcome !== 'WARNING');
      byHand = bad ?? (outcomes.includes('OK') ? 'OK' : 'WARNING');
    },
  };

  async function operationOutcome(operationId: string, tenantId: number): Promise<string> {
    const request = apiRequest(logbook.component, {
      method: 'GET',
      path: `/logbook/v1/operations/${encodeURIComponent(operationId)}`,
      tenant: tenantId,
    });
    const [event] = rowsOf<{ outcome?: string }>(await ask(`result of securisation ${operationId}`, request));
    return event?.outcome ?? 'no result';
  }

  /** Life-cycle traceability of one tenant: again while there are more entries than one run takes. */
  async function lifecycle(kind: 'units' | 'objectgroups', tenantId: number): Promise<string> {
    for (;;) {
      const start = apiRequest(logbook.component, {
        method: 'POST',
        path: `/logbook/v1/lifecycles/${kind}/traceability`,
        tenant: tenantId,
      });
      const begun = await once(`secure the life cycles of ${kind}, tenant ${tenantId}`, start.timeoutSeconds).requestHttp({
        host: logbook.host,
        request: start,
        accept: [200, 202],
      });
      if (begun.status === 202) return 'WARNING';
      const operationId = firstOperationId(begun);
      const ended = await waitForLifecycle(operationId, tenantId);
      if (ended.outcome !== 'OK' && ended.outcome !== 'WARNING') return ended.outcome;
      if (!ended.maxEntriesReached) return ended.outcome;
    }
  }

  async function waitForLifecycle(operationId: string, tenantId: number): Promise<{ outcome: string; maxEntriesReached: boolean }> {
    const check = apiRequest(logbook.component, {
      method: 'GET',
      path: `/logbook/v1/lifecycles/traceability/check/${encodeURIComponent(operationId)}`,
      tenant: tenantId,
    });
    const beganMs = Date.now();
    const deadline = beganMs + securisation.at.limitSeconds * 1000;
    while (Date.now() < deadline) {
      const [body] = rowsOf<LifecycleCheck>(await ask(`life-cycle securisation ${operationId}`, check));
      if (body?.paused) return { outcome: `paused (${operationId})`, maxEntriesReached: false };
      if (body?.completed) return { outcome: body.outcome ?? 'no result', maxEntriesReached: body.maxEntriesReached ?? false };
      await sleep(pauseBetweenLooks(beganMs, 1_000), { summary: `life-cycle securisation ${operationId} of tenant ${tenantId} runs` });
    }
    return { outcome: `not ended after ${securisation.at.limitSeconds} s (${operationId})`, maxEntriesReached: false };
  }
}

interface LifecycleCheck {
  completed?: boolean;
  paused?: boolean;
  outcome?: string;
  maxEntriesReached?: boolean;
}

function firstOperationId(answer: HttpAnswer): string {
  const [row] = rowsOf<{ operationId?: string; id?: string } | string>(answer);
  const id = typeof row === 'string' ? row : (row?.operationId ?? row?.id);
  if (!id) throw failure('HttpUnexpectedAnswer', 'the logbook started a life-cycle securisation and gave no operation id');
  return id;
}

/** Whether one of the named jobs (with no names: any job) runs now; a scheduler that is down runs none. */
export async function anyJobRuns(night: Night, jobs: readonly string[]): Promise<boolean> {
  const { platform } = night;
  if (!platform.scheduler) return false;
  const scheduler = anyHostOf(platform, platform.scheduler);
  try {
    const answer = await probe('jobs that run now').requestHttp({
      host: scheduler.host,
      request: apiRequest(scheduler.component, { method: 'GET', path: '/scheduler/v1/current-jobs', admin: true }),
      accept: [200],
    });
    const running = rowsOf<unknown>(answer).map((row) => JSON.stringify(row));
    return jobs.length === 0 ? running.length > 0 : running.some((row) => jobs.some((job) => row.includes(job)));
  } catch (error) {
    if (!isCancellation(error) && describeFailure(error).type === 'HttpUnreachable') return false;
    throw error;
  }
}
