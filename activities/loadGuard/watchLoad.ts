import { setTimeout as pause } from 'node:timers/promises';

import { cancellationOf } from '../tools/cancellation.ts';
import type { LoadGuardActivities, LoadReading, LoadSource, LoadVerdict } from './loadGuard.contract.ts';

interface Watching {
  signal: AbortSignal;
  read: (source: LoadSource) => Promise<LoadReading>;
  onRound: (readings: LoadReading[]) => void;
}

/** Rounds of readings, `everySeconds` from the begin of one to the begin of the next, until a verdict is reached. */
export async function watchLoadOf(
  { sources, until, goodInARow, everySeconds, limitSeconds, known }: Parameters<LoadGuardActivities['watchLoad']>[0],
  { signal, read, onRound }: Watching,
): Promise<LoadVerdict> {
  const endMs = performance.now() + limitSeconds * 1000;
  const breaches = new Map<string, number>();
  const unread = new Map<string, number>();
  let goodRounds = 0;
  for (;;) {
    const beganMs = performance.now();
    const readings = await Promise.all(sources.map(read));
    signal.throwIfAborted();
    onRound(readings);
    for (const { name, value, breached } of readings) {
      breaches.set(name, breached ? (breaches.get(name) ?? 0) + 1 : 0);
      unread.set(name, value === null && !breached ? (unread.get(name) ?? 0) + 1 : 0);
    }
    const seen = readings.filter(({ value, breached }) => value !== null || breached);
    goodRounds = seen.length > 0 && seen.every(({ breached }) => !breached) ? goodRounds + 1 : 0;

    const often = (counts: Map<string, number>, { name, inARow }: LoadSource): boolean => (counts.get(name) ?? 0) >= inARow;
    const told = (chosen: LoadSource[]): string =>
      chosen.map((source) => `${said(readings, source)}, ${source.inARow} readings in a row`).join('; ');
    const silent = sources.filter((source) => !known.includes(source.name) && often(unread, source));
    if (silent.length > 0) return { verdict: 'unreadable', readings, why: told(silent) };
    const breaching = sources.filter((source) => often(breaches, source));
    if (until === 'breached' && breaching.length > 0) return { verdict: 'breached', readings, why: told(breaching) };
    if (until === 'good' && goodRounds >= goodInARow)
      return { verdict: 'good', readings, why: `${seen.map((each) => each.said).join('; ')}, ${goodInARow} readings in a row` };

    const leftMs = endMs - performance.now();
    if (leftMs <= 0) return { verdict: 'limit', readings, why: '' };
    const waitMs = Math.max(0, Math.min(leftMs, beganMs + everySeconds * 1000 - performance.now()));
    await pause(waitMs, undefined, { signal }).catch(() => {
      throw cancellationOf(signal);
    });
  }
}

function said(readings: readonly LoadReading[], { name }: LoadSource): string {
  return readings.find((reading) => reading.name === name)?.said ?? name;
}
