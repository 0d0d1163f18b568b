import type { StepRecord } from '../../workflows/runbook/runbook.contract.ts';

/** Wall time of each phase, from its first step's begin to its last one's end, in the order in which they first stand. */
export function phasesOf(steps: readonly StepRecord[], without: readonly string[] = []): { name: string; seconds: number }[] {
  const timed = steps.filter(({ beganAt, endedAt, phase }) => beganAt && endedAt && !without.includes(phase));
  return [...new Set(timed.map(({ phase }) => phase))].map((name) => {
    const own = timed.filter(({ phase }) => phase === name);
    const begins = own.map(({ beganAt }) => Date.parse(beganAt ?? ''));
    const ends = own.map(({ endedAt }) => Date.parse(endedAt ?? ''));
    return { name, seconds: (Math.max(...ends) - Math.min(...begins)) / 1000 };
  });
}
