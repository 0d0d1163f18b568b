import { sleep } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import { pauseBetweenLooks } from '../runbook/alongside.ts';
import { describeFailure, isCancellation } from '../runbook/failures.ts';
import { local, once, patient, quick } from '../runbook/profiles.ts';
import type { Night } from './night.ts';
import type { SecurisationTime, VitamSecurisation } from './platform.contract.ts';
import { anyJobRuns, watchScheduler, type Watch } from './securisationByScheduler.ts';
import { anyHostOf, apiRequest } from './vitamApi.ts';

type Mechanism<Kind extends VitamSecurisation['mechanism']> = Extract<VitamSecurisation, { mechanism: Kind }>;

/**
 * The night's gate (vitam 4, 20): wait for the securisation's hour, watch it begin by itself, trigger it when it was missed, watch
 * it to its end, judge its result. Then the scheduled jobs are paused (vitam 23): not before.
 */
export async function secureLogbooks(night: Night): Promise<void> {
  const { platform, plan, run } = night;
  const { securisation } = platform;
  if (securisation.mechanism === 'none') {
    for (const planned of [plan.securisation.gate, plan.securisation.run]) run.notNeeded(planned, securisation.reason);
    night.securisation = `none: ${securisation.reason}`;
  } else {
    const gateAt = await run.step(plan.securisation.gate, () => waitForGate(securisation.at, platform.window.zone, night.gateFrom));
    // Results carry the clock of their host, which may be that much behind.
    const sinceAt = new Date(Date.parse(gateAt) - platform.policy.clockSkewLimitSeconds * 1000).toISOString();
    night.securisation = await run.step(plan.securisation.run, async (record) => {
      const outcome = await watchToEnd(watchOf(night, securisation), securisation.at, gateAt, sinceAt);
      record.note = outcome;
      return outcome;
    });
  }
  await pauseJobs(night);
}

async function waitForGate(at: SecurisationTime, zone: string, from: string): Promise<string> {
  if (at.when === 'now') return new Date().toISOString();
  const gate = await local.findLocalTime({ time: at.when, zone, from });
  const waitMs = Date.parse(gate.at) - Date.now();
  if (waitMs > 0) await sleep(waitMs, { summary: `securisation at ${at.when} (${gate.at})` });
  return gate.at;
}

async function watchToEnd(watch: Watch, at: SecurisationTime, gateAt: string, sinceAt: string): Promise<string> {
  const beganMs = Date.now();
  const deadline = beganMs + at.limitSeconds * 1000;
  const graceUntil = at.when === 'now' ? Date.now() : Date.parse(gateAt) + at.graceSeconds * 1000;
  let triggered = false;
  for (;;) {
    // In this order: one that ends between the two looks has its outcome, and is not taken for one that never began.
    const running = await watch.isRunning();
    const outcome = await watch.outcomeSince(sinceAt);
    if (outcome !== null) {
      // WARNING: there was nothing to secure (vitam 21).
      if (outcome === 'OK' || outcome === 'WARNING') return `${outcome}${triggered ? ', triggered by this run' : ', ran by itself'}`;
      throw failure('SecurisationFailed', `the securisation ended with ${outcome}`, { outcome });
    }
    if (!running && !triggered && Date.now() >= graceUntil) {
      triggered = true;
      await watch.trigger();
      continue;
    }
    if (Date.now() >= deadline)
      throw failure('SecurisationFailed', `no result after ${at.limitSeconds} s; ${running ? 'it still runs' : 'it does not run'}`);
    // Never past the moment when it counts as missed.
    const untilMissedMs = graceUntil > Date.now() ? graceUntil - Date.now() : Infinity;
    await sleep(Math.min(untilMissedMs, pauseBetweenLooks(beganMs, at.pollSeconds * 1000)), {
      summary: running ? 'the securisation runs' : 'the securisation has not begun',
    });
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

async function pauseJobs(night: Night): Promise<void> {
  const { platform, plan, run } = night;
  const { securisation } = platform;
  if (securisation.mechanism !== 'timers' && !platform.scheduler) {
    run.notNeeded(plan.securisation.pause, 'no scheduler and no timers on this platform');
    return;
  }
  await run.step(plan.securisation.pause, async (record) => {
    night.pausedJobs = true;
    run.takeDown({ id: 'scheduler', title: 'resume the scheduled jobs', commands: plan.wayBack.resume.commands });
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

/** A job that was running when the pause came gets this long to end. */
const pausedJobsLimitSeconds = 600;

async function pauseScheduler(night: Night, name: string): Promise<string> {
  const { host, component } = anyHostOf(night.platform, name);
  try {
    await patient('pause all scheduled jobs', component.limits.apiSeconds).requestHttp({
      host,
      request: apiRequest(component, { method: 'PUT', path: '/scheduler/v1/pause/ALL', admin: true }),
      accept: [200, 202],
    });
  } catch (error) {
    // A scheduler that is already down pauses nothing and starts nothing (vitam 23).
    if (!isCancellation(error) && describeFailure(error).type === 'HttpUnreachable') return 'the scheduler is already down';
    throw error;
  }
  // A job may have begun between the look and the pause.
  const beganMs = Date.now();
  const deadline = beganMs + pausedJobsLimitSeconds * 1000;
  while (await anyJobRuns(night, [])) {
    if (Date.now() >= deadline)
      throw failure('SecurisationFailed', `a scheduled job still runs ${pausedJobsLimitSeconds} s after the pause`);
    await sleep(pauseBetweenLooks(beganMs), { summary: 'a scheduled job still runs' });
  }
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
    await patient('resume all scheduled jobs', component.limits.apiSeconds).requestHttp({
      host,
      request: apiRequest(component, { method: 'PUT', path: '/scheduler/v1/resume/ALL', admin: true }),
      accept: [200, 202],
    });
  }
}
