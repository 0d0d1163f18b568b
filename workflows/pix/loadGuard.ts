import { sleep, workflowInfo } from '@temporalio/workflow';

import type { LoadSource, LoadVerdict } from '../../activities/loadGuard/loadGuard.contract.ts';
import { failure } from '../../activities/failure.ts';
import { alongside } from '../runbook/alongside.ts';
import { describeFailure, isCancellation } from '../runbook/failures.ts';
import type { Context } from '../runbook/procedure.ts';
import { local, long } from '../runbook/profiles.ts';
import type { Run } from '../runbook/run.ts';
import type { PausePolicy } from '../runbook/runbook.contract.ts';
import type { ReplicaRequest } from './inputs.schema.ts';
import type { GuardSettings, PixReplica } from './replica.contract.ts';

const guardName = 'the load guard';

/** For persons who pause a run of a replica without a guard. Shorter than the time for which a snapshot is held without work. */
const withoutGuard: PausePolicy = { limitSeconds: 1500, underWay: 'finish', whenPauseEnds: 'stop' };

/** A run that replaces in place is never stopped by load or by a pause's end: the warehouse would stay half full. */
export function pausePolicyOf({ guard, full }: PixReplica): PausePolicy {
  const policy = guard
    ? { limitSeconds: guard.pauseMaxSeconds, underWay: guard.underWay, whenPauseEnds: guard.whenPauseEnds }
    : withoutGuard;
  return full.method === 'inPlace' ? { ...policy, whenPauseEnds: 'goOn' } : policy;
}

/** What a dry run says of it. */
export function guardGates({ guard }: PixReplica): string[] {
  if (!guard) return [];
  const { hours, breach, pauseMaxSeconds, whenPauseEnds } = guard;
  const done = {
    pause: `the run is paused, for at most ${pauseMaxSeconds} s, then: ${whenPauseEnds}`,
    stop: 'the run is stopped',
    tell: 'a warning',
  };
  return [`${guardName}, ${hours.begin} to ${hours.end} ${hours.zone}; when the load is too high: ${done[breach]}`];
}

/**
 * Runs work under the replica's load guard: in its hours it watches what suffers from the load, and tells, pauses or stops by policy.
 * A part of a chain is watched by the chain. A guard that cannot watch is a warning; the work goes on.
 */
export async function underLoadGuard<Result>(
  { request: { replica }, run, stop }: Pick<Context<ReplicaRequest, object>, 'request' | 'run' | 'stop'>,
  work: () => Promise<Result>,
): Promise<Result> {
  const { guard } = replica;
  return guard && workflowInfo().parent === undefined ? alongside(() => watch({ guard, replica, run, stop }), work) : work();
}

interface Watch {
  guard: GuardSettings;
  replica: PixReplica;
  run: Run;
  stop: (reason: Error) => void;
}

async function watch({ guard, run, ...rest }: Watch): Promise<void> {
  try {
    for (;;) {
      const now = Date.now();
      const { inside, beginAt, endAt } = await local.findWindow({ ...guard.hours, at: new Date(now).toISOString() });
      if (inside) await watchHours({ guard, run, ...rest }, Date.parse(endAt));
      else await sleep(Date.parse(beginAt) - now, { summary: `until the hours of ${guardName}` });
    }
  } catch (error) {
    if (isCancellation(error)) throw error;
    run.warn(`${guardName} has stopped watching: ${describeFailure(error).message}`);
    run.pauses?.lift('guard');
  }
}

/** One watch per change of the load, not one per reading: a day of readings must not fill the history. */
async function watchHours({ guard, replica, run, stop }: Watch, endMs: number): Promise<void> {
  const { everySeconds, goodInARow } = guard;
  const sources = sourcesOf(replica, guard);
  const known: string[] = [];
  let until: 'breached' | 'good' = 'breached';
  for (;;) {
    const limitSeconds = (endMs - Date.now()) / 1000;
    if (limitSeconds <= 0) break;
    const title = until === 'breached' ? `load of ${replica.name}` : `until the load of ${replica.name} is good again`;
    const seen: LoadVerdict = await long(title).watchLoad({ sources, until, goodInARow, everySeconds, limitSeconds, known: [...known] });
    if (seen.verdict === 'limit') break;
    if (seen.verdict === 'unreadable') {
      run.warn(`${guardName} cannot read everything: ${seen.why}`);
      known.push(...seen.readings.filter(({ value, breached }) => value === null && !breached).map(({ name }) => name));
    } else if (seen.verdict === 'breached') {
      act({ guard, run, stop }, seen.why);
      until = 'good';
    } else {
      // A pause that a person or its limit lifted stays lifted; the guard pauses again at the next breach after this.
      if ((run.pauses?.lift('guard') ?? []).length > 0) run.decide({ subject: 'the load', choice: 'resume', by: guardName, why: seen.why });
      until = 'breached';
    }
  }
  if ((run.pauses?.lift('guard') ?? []).length > 0)
    run.decide({ subject: 'the load', choice: 'resume', by: guardName, why: 'its hours are over' });
}

function act({ guard, run, stop }: Pick<Watch, 'guard' | 'run' | 'stop'>, why: string): void {
  run.decide({ subject: 'the load', choice: guard.breach, by: guardName, why });
  if (guard.breach === 'tell') run.warn(`the load is too high: ${why}`);
  else if (guard.breach === 'stop') stop(failure('LoadTooHigh', `${guardName} stopped the run: ${why}`));
  else run.pauses?.pause({ origin: 'guard', by: guardName, why });
}

function sourcesOf({ source, target }: PixReplica, { databaseCpu, responseTimes, busyBackends }: GuardSettings): LoadSource[] {
  return [
    ...databaseCpu.map(({ name, limitPercent: limit, ...rest }) => ({ kind: 'metric' as const, name, limit, ...rest })),
    ...responseTimes.map(({ limitMilliseconds: limit, ...rest }) => ({ kind: 'responseTime' as const, limit, ...rest })),
    ...busyBackends.map(({ of, limitPerCore: limit, ...rest }) => ({
      ...{ kind: 'busyBackends' as const, name: `${of} database`, limit, server: of === 'source' ? source : target, ...rest },
    })),
  ];
}
