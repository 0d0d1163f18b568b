import { sleep, workflowInfo } from '@temporalio/workflow';

import type { LoadSource, LoadVerdict } from '../../activities/loadGuard/loadGuard.contract.ts';
import { failure } from '../../activities/failure.ts';
import type { Runbook } from '../runbook/beginRunbook.ts';
import { besideOf } from '../runbook/besideOf.ts';
import { describeFailure, isCancellation } from '../runbook/failures.ts';
import { local, long } from '../runbook/profiles.ts';
import type { PausePolicy } from '../runbook/runbook.contract.ts';
import { stoppable } from '../runbook/stoppable.ts';
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

/**
 * Runs work under the replica's load guard (pix 32): in its hours it watches what suffers from the load, and tells, pauses or stops by policy.
 * A part of a chain is watched by the chain. A guard that cannot watch is a warning; the work goes on.
 */
export async function underLoadGuard<Result>(replica: PixReplica, runbook: Runbook, work: () => Promise<Result>): Promise<Result> {
  const { guard } = replica;
  const watched = guard !== undefined && workflowInfo().parent === undefined;
  return stoppable(runbook, async (stop) => (watched ? besideOf(() => watch({ guard, replica, runbook, stop }), work) : work()));
}

interface Watch {
  guard: GuardSettings;
  replica: PixReplica;
  runbook: Runbook;
  stop: (reason: Error) => void;
}

async function watch({ guard, runbook, ...rest }: Watch): Promise<void> {
  try {
    for (;;) {
      const now = Date.now();
      const { inside, beginAt, endAt } = await local.findWindow({ ...guard.hours, at: new Date(now).toISOString() });
      if (inside) await watchHours({ guard, runbook, ...rest }, Date.parse(endAt));
      else await sleep(Date.parse(beginAt) - now, { summary: `until the hours of ${guardName}` });
    }
  } catch (error) {
    if (isCancellation(error)) throw error;
    runbook.warn(`${guardName} has stopped watching: ${describeFailure(error).message}`);
    runbook.pauses?.lift('guard');
  }
}

/** One watch per change of the load, not one per reading: a day of readings must not fill the history. */
async function watchHours({ guard, replica, runbook, stop }: Watch, endMs: number): Promise<void> {
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
      runbook.warn(`${guardName} cannot read everything: ${seen.why}`);
      known.push(...seen.readings.filter(({ value, breached }) => value === null && !breached).map(({ name }) => name));
    } else if (seen.verdict === 'breached') {
      act({ guard, runbook, stop }, seen.why);
      until = 'good';
    } else {
      // A pause that a person or its limit lifted stays lifted; the guard pauses again at the next breach after this.
      if ((runbook.pauses?.lift('guard') ?? []).length > 0)
        runbook.decide({ subject: 'the load', choice: 'resume', by: guardName, why: seen.why });
      until = 'breached';
    }
  }
  if ((runbook.pauses?.lift('guard') ?? []).length > 0)
    runbook.decide({ subject: 'the load', choice: 'resume', by: guardName, why: 'its hours are over' });
}

function act({ guard, runbook, stop }: Pick<Watch, 'guard' | 'runbook' | 'stop'>, why: string): void {
  runbook.decide({ subject: 'the load', choice: guard.breach, by: guardName, why });
  if (guard.breach === 'tell') runbook.warn(`the load is too high: ${why}`);
  else if (guard.breach === 'stop') stop(failure('LoadTooHigh', `${guardName} stopped the run: ${why}`));
  else runbook.pauses?.pause({ origin: 'guard', by: guardName, why });
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
