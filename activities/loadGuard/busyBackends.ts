import { setTimeout as pause } from 'node:timers/promises';

import { ApplicationFailure } from '@temporalio/common';

import { cancellationOf } from '../tools/cancellation.ts';
import type { Connections } from '../postgres/connections.ts';
import type { BusyBackendsSource, LoadReading } from './loadGuard.contract.ts';

/** Sessions and their parallel workers that are at work now and wait for nothing; those of the runs themselves are counted, and reported. */
const busy = `select count(*)::int as busy, count(*) filter (where application_name like 'nightshift %')::int as ours
  from pg_stat_activity where state = 'active' and wait_event is null and pid <> pg_backend_pid()
  and backend_type in ('client backend', 'parallel worker')`;

export async function readBusyBackends(
  { name, server, cores, samples, apartSeconds, limit }: BusyBackendsSource,
  { connections, signal }: { connections: Connections; signal: AbortSignal },
): Promise<LoadReading> {
  let [all, ours] = [0, 0];
  try {
    await connections.session(server, { application: 'nightshift load guard', signal }, async (client) => {
      for (let sample = 0; sample < samples; sample += 1) {
        if (sample > 0) await pause(apartSeconds * 1000, undefined, { signal });
        const { rows } = await client.query<{ busy: number; ours: number }>(busy);
        all += rows[0]?.busy ?? 0;
        ours += rows[0]?.ours ?? 0;
      }
    });
  } catch (error) {
    if (signal.aborted) throw cancellationOf(signal);
    // A server that takes no session may be suffering or restarting: neither is known.
    if (!(error instanceof ApplicationFailure) || !['PostgresUnreachable', 'PostgresBusy'].includes(error.type ?? '')) throw error;
    return { name, value: null, breached: false, said: `${name} cannot be read: ${error.message}` };
  }
  const perCore = (count: number): number => Math.round((count / samples / cores) * 100) / 100;
  const value = perCore(all);
  return {
    ...{ name, value, breached: value > limit },
    said: `${name} ${value} busy backends per core, ${perCore(ours)} of them of runs (limit ${limit})`,
  };
}
