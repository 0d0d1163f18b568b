import { sleep } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { HttpAnswer, HttpRequest } from '../../activities/http/http.contract.ts';
import { describeFailure, isCancellation } from '../runbook/failures.ts';
import { local, once, patient, probe, quick } from '../runbook/profiles.ts';
import type { Night } from './night.ts';
import type { SecurisationTime, VitamSecurisation } from './platform.contract.ts';
import { anyHostOf, apiRequest } from './vitamApi.ts';

type Mechanism<Kind extends VitamSecurisation['mechanism']> = Extract<VitamSecurisation, { mechanism: Kind }>;

/** How a securisation is watched: whether one runs, how the last one since `since` ended, and how to start one by hand. */
interface Watch {
  isRunning: () => Promise<boolean>;
  /** Outcome of the newest run that ended after `since`; null while there is none. */
  outcomeSince: (sinceAt: string) => Promise<string | null>;
  trigger: () => Promise<void>;
}

/**
 * The night's gate (VI-03, VI-18): wait for the securisation's hour, watch it begin by itself, trigger it when it was missed, watch
 * it to its end, judge its result. Then the scheduled jobs are paused (VI-19): not before (systems.md E.2.5).
 */
export async function secureLogbooks(night: Night): Promise<void> {
  const { platform, plan, runbook } = night;
  const { securisation } = platform;
  if (securisation.mechanism === 'none') {
    for (const planned of [plan.securisation.gate, plan.securisation.run]) runbook.notNeeded(planned, securisation.reason);
    night.securisation = `none: ${securisation.reason}`;
  } else {
    const sinceAt = await runbook.step(plan.securisation.gate, () => waitForGate(securisation.at, platform.window.zone));
    night.securisation = await runbook.step(plan.securisation.run, async (record) => {
      const outcome = await watchToEnd(watchOf(night, securisation), securisation.at, sinceAt);
      record.note = outcome;
      return outcome;
    });
  }
  await pauseJobs(night);
}

async function waitForGate(at: SecurisationTime, zone: string): Promise<string> {
  const now = new Date().toISOString();
  if (at.when === 'now') return now;
  const gate = await local.findLocalTime({ time: at.when, zone, from: now });
  const waitMs = Date.parse(gate.at) - Date.now();
  if (waitMs > 0) await sleep(waitMs, { summary: `securisation at ${at.when} (${gate.at})` });
  return gate.at;
}

async function watchToEnd(watch: Watch, at: SecurisationTime, sinceAt: string): Promise<string> {
  const deadline = Date.now() + at.limitSeconds * 1000;
  const graceUntil = Date.now() + (at.when === 'now' ? 0 : at.graceSeconds * 1000);
  let triggered = false;
  for (;;) {
    const outcome = await watch.outcomeSince(sinceAt);
    if (outcome !== null) {
      // WARNING: there was nothing to secure (systems.md E.2.5).
      if (outcome === 'OK' || outcome === 'WARNING') return `${outcome}${triggered ? ', triggered by this run' : ', ran by itself'}`;
      throw failure('SecurisationFailed', `the securisation ended with ${outcome}`, { outcome });
    }
    const running = await watch.isRunning();
    if (!running && !triggered && Date.now() >= graceUntil) {
      triggered = true;
      await watch.trigger();
      continue;
    }
    if (Date.now() >= deadline)
      throw failure('SecurisationFailed', `no result after ${at.limitSeconds} s; ${running ? 'it still runs' : 'it does not run'}`);
    await sleep(at.pollSeconds * 1000, { summary: running ? 'the securisation runs' : 'the securisation has not begun' });
  }
}

function watchOf(night: Night, securisation: Exclude<VitamSecurisation, { mechanism: 'none' }>): Watch {
  switch (securisation.mechanism) {
    case 'scheduler':
      return watchScheduler(night, securisation);
    case 'timers':
      return watchTimers(securisation);
    case 'cron':
      return watchCron(securisation);
  }
}

function watchTimers({ host, units }: Mechanism<'timers'>): Watch {
  const states = (): Promise<{ unit: string; condition: string; exitStatus?: number; lastStartAt?: string }[]> =>
    Promise.all(
      units.map(async (unit) => ({
        unit,
        ...(await quick(`state of ${unit}`).readServiceState({ host, unit: `${unit}.service`, ports: [] })),
      })),
    );
  return {
    isRunning: async () => (await states()).some(({ condition }) => condition === 'running' || condition === 'starting'),
    outcomeSince: async (sinceAt) => {
      const seen = await states();
      const ended = seen.every(
        ({ condition, lastStartAt }) =>
          condition !== 'running' && condition !== 'starting' && lastStartAt !== undefined && lastStartAt >= sinceAt,
      );
      if (!ended) return null;
      const failed = seen.filter(({ condition, exitStatus }) => condition === 'failed' || (exitStatus ?? 0) !== 0);
      return failed.length === 0 ? 'OK' : `FATAL (${failed.map(({ unit }) => unit).join(', ')})`;
    },
    trigger: async () => {
      for (const unit of units) await quick(`start ${unit} by hand`).triggerService({ host, unit: `${unit}.service` });
    },
  };
}

function watchCron({ host, processPattern, resultFile, command }: Mechanism<'cron'>): Watch {
  return {
    isRunning: async () =>
      (await quick(`look for ${processPattern} on ${host.name}`).findProcesses({ host, pattern: processPattern })).length > 0,
    outcomeSince: async (sinceAt) => {
      const result = await quick(`result of the securisation on ${host.name}`).readFileState({ host, path: resultFile });
      if (!result || result.changedAt < sinceAt) return null;
      return result.firstLine.split(/\s/)[0] ?? 'no result';
    },
    trigger: async () => {
      await once('run the securisation by hand', 3600).runHostCommand({ host, command, limitSeconds: 3600 });
    },
  };
}

/** VITAM 6.0 and later: the scheduler's jobs, judged by the logbook, not by counting (systems.md E.3). */
function watchScheduler(night: Night, securisation: Mechanism<'scheduler'>): Watch {
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
    const answer = (await ask('newest securisation in the logbook', request)).json as
      { $results?: { outcome?: string; evDateTime?: string }[] } | undefined;
    const event = answer?.$results?.[0];
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
      const operations = (started.json ?? []) as { tenantId?: number; operationId?: string }[];
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
    const body = (await ask(`result of securisation ${operationId}`, request)).json as { $results?: { outcome?: string }[] } | undefined;
    return body?.$results?.[0]?.outcome ?? 'no result';
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
    const deadline = Date.now() + securisation.at.limitSeconds * 1000;
    for (let pollSeconds = 1; Date.now() < deadline; pollSeconds = Math.min(pollSeconds * 2, 60)) {
      const body = (await ask(`life-cycle securisation ${operationId}`, check)).json as
        { completed?: boolean; paused?: boolean; outcome?: string; maxEntriesReached?: boolean } | undefined;
      if (body?.paused) return { outcome: `paused (${operationId})`, maxEntriesReached: false };
      if (body?.completed) return { outcome: body.outcome ?? 'no result', maxEntriesReached: body.maxEntriesReached ?? false };
      await sleep(pollSeconds * 1000, { summary: `life-cycle securisation ${operationId} of tenant ${tenantId} runs` });
    }
    return { outcome: `not ended after ${securisation.at.limitSeconds} s (${operationId})`, maxEntriesReached: false };
  }
}

function firstOperationId(answer: HttpAnswer): string {
  const body = answer.json;
  const row = (Array.isArray(body) ? body[0] : body) as { operationId?: string; id?: string } | string | undefined;
  const id = typeof row === 'string' ? row : (row?.operationId ?? row?.id);
  if (!id) throw failure('HttpUnexpectedAnswer', 'the logbook started a life-cycle securisation and gave no operation id');
  return id;
}

/** Whether one of the named jobs runs now; a scheduler that is down runs none. */
async function anyJobRuns(night: Night, jobs: readonly string[]): Promise<boolean> {
  const { platform } = night;
  if (!platform.scheduler) return false;
  const scheduler = anyHostOf(platform, platform.scheduler);
  try {
    const answer = await probe('jobs that run now').requestHttp({
      host: scheduler.host,
      request: apiRequest(scheduler.component, { method: 'GET', path: '/scheduler/v1/current-jobs', admin: true }),
      accept: [200],
    });
    const text = JSON.stringify(answer.json ?? answer.text ?? '');
    return jobs.length === 0 ? text.length > 2 && text !== '[]' : jobs.some((job) => text.includes(job));
  } catch (error) {
    if (!isCancellation(error) && describeFailure(error).type === 'HttpUnreachable') return false;
    throw error;
  }
}

async function pauseJobs(night: Night): Promise<void> {
  const { platform, plan, runbook } = night;
  const { securisation } = platform;
  if (securisation.mechanism !== 'timers' && !platform.scheduler) {
    runbook.notNeeded(plan.securisation.pause, 'no scheduler and no timers on this platform');
    return;
  }
  await runbook.step(plan.securisation.pause, async (record) => {
    night.pausedJobs = true;
    night.firstStopAt ??= Date.now();
    runbook.takeDown({ id: 'scheduler', title: 'resume the scheduled jobs', commands: plan.resume.commands });
    if (securisation.mechanism === 'timers') {
      for (const unit of securisation.units)
        await patient(`stop ${unit}.timer`, 120).stopService({
          host: securisation.host,
          unit: `${unit}.timer`,
          ports: [],
          acceptedConditions: ['stopped'],
          limitSeconds: 120,
        });
      return;
    }
    if (platform.scheduler) record.note = await pauseScheduler(night, platform.scheduler);
  });
}

async function pauseScheduler(night: Night, name: string): Promise<string> {
  const { host, component } = anyHostOf(night.platform, name);
  try {
    await quick('pause all scheduled jobs').requestHttp({
      host,
      request: apiRequest(component, { method: 'PUT', path: '/scheduler/v1/pause/ALL', admin: true }),
      accept: [200, 202],
    });
  } catch (error) {
    // A scheduler that is already down pauses nothing and starts nothing (systems.md E.3).
    if (!isCancellation(error) && describeFailure(error).type === 'HttpUnreachable') return 'the scheduler is already down';
    throw error;
  }
  // A job may have begun between the look and the pause.
  for (let tries = 0; tries < 120 && (await anyJobRuns(night, [])); tries++)
    await sleep('5 seconds', { summary: 'a scheduled job still runs' });
  return 'paused';
}

/** The way back of the pause: five tries 30 s apart upstream; here the unwind's own tries. */
export async function resumeJobs(night: Night): Promise<void> {
  const { platform } = night;
  const { securisation } = platform;
  if (securisation.mechanism === 'timers')
    for (const unit of securisation.units)
      await once(`start ${unit}.timer`, 120).startService({ host: securisation.host, unit: `${unit}.timer`, ports: [], limitSeconds: 120 });
  else if (platform.scheduler) {
    const { host, component } = anyHostOf(platform, platform.scheduler);
    if (!night.running.has(`${component.name}@${host.name}`)) return;
    await quick('resume all scheduled jobs').requestHttp({
      host,
      request: apiRequest(component, { method: 'PUT', path: '/scheduler/v1/resume/ALL', admin: true }),
      accept: [200, 202],
    });
  }
}
