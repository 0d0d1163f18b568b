import type { OwnCategoryTimes, OwnRunTimes, OwnStepTimes, RecordedActivity, RecordedRun } from './ownRuns.contract.ts';
import { itemCategories, type ItemCategory } from './replicationTimes.contract.ts';
import { isEnrichment, itemOf, phaseOf, type Phase } from './runWork.ts';

const longestMax = 3;
const fullType = 'pixFullReplication';
export const chainType = 'pixReplication';

/**
 * The durations of a run from its history.
 * @param waiting steps that the run itself says it has not begun.
 */
export function timesOfRun(run: RecordedRun, waiting: readonly string[], nowMs: number): OwnRunTimes {
  const steps = run.type === chainType ? run.children : [run];
  // A link that was run again the same day: the last one counts.
  const full = steps.findLast(({ type }) => type === fullType) ?? null;
  const work = full?.activities ?? [];
  const untilMs = full?.endedMs ?? nowMs;
  const of = (phase: Phase): RecordedActivity[] => work.filter((activity) => phaseOf(activity) === phase);
  const wallOf = (activities: readonly RecordedActivity[]): number | null =>
    activities.length === 0 ? null : unionMs(activities.map((each) => spanOf(each, untilMs)));
  const inPlace = work.some(({ activity }) => activity === 'dumpSource');
  const complete = run.status === 'COMPLETED';
  return {
    ...{ workflowId: run.workflowId, runId: run.runId, type: run.type, status: run.status, complete },
    missing: complete ? [] : missingOf(run, full, waiting),
    beganAt: instant(run.beganMs),
    endedAt: run.endedMs === null ? null : instant(run.endedMs),
    wallMs: (run.endedMs ?? nowMs) - run.beganMs,
    method: full === null ? null : inPlace ? 'inPlace' : 'beside',
    backupMs: wallOf(of('backup')),
    replicationMs: wallOf(of('replication')),
    enrichmentMs: wallOf([...of('enrichment'), ...work.filter(isEnrichment)]),
    totalMs: full?.status === 'COMPLETED' && full.endedMs !== null ? full.endedMs - full.beganMs : null,
    categories: categoriesOf(work, untilMs),
    steps: steps.map((step) => stepTimes(step, run, nowMs)),
  };
}

function missingOf(run: RecordedRun, full: RecordedRun | null, waiting: readonly string[]): string[] {
  const phases = (['backup', 'replication'] as const).filter((phase) => {
    const done = full?.activities.filter((activity) => phaseOf(activity) === phase) ?? [];
    return full !== null && full.status !== 'COMPLETED' && !done.some(({ activity, completed }) => completed && isLast(phase, activity));
  });
  const open = run.type === chainType ? run.children.flatMap((child) => (child.status === 'COMPLETED' ? [] : [stepName(child, run)])) : [];
  return [...new Set([...phases, ...open, ...waiting])];
}

/** The act with which a phase has ended. */
function isLast(phase: 'backup' | 'replication', activity: string): boolean {
  return (phase === 'backup' ? ['defineBeside', 'proveDump'] : ['swapBeside', 'verifyInPlace']).includes(activity);
}

function stepTimes(step: RecordedRun, run: RecordedRun, nowMs: number): OwnStepTimes {
  const untilMs = step.endedMs ?? nowMs;
  return {
    ...{ step: stepName(step, run), workflowId: step.workflowId, status: step.status, beganAt: instant(step.beganMs) },
    endedAt: step.endedMs === null ? null : instant(step.endedMs),
    wallMs: untilMs - step.beganMs,
    sumMs: step.activities.reduce((sum, activity) => sum + lengthOf(spanOf(activity, untilMs)), 0),
  };
}

function stepName(step: RecordedRun, run: RecordedRun): string {
  return step === run ? run.type : step.workflowId.slice(run.workflowId.length + 1);
}

function categoriesOf(work: readonly RecordedActivity[], untilMs: number): Record<ItemCategory, OwnCategoryTimes> {
  const items = work.flatMap((activity) => {
    const item = itemOf(activity);
    return item ? [{ ...item, activity, span: spanOf(activity, untilMs) }] : [];
  });
  return Object.fromEntries(
    itemCategories.map((category) => {
      const mine = items.filter((item) => item.category === category);
      const finished = mine.filter(({ activity }) => activity.completed);
      const done = new Set(finished.map(({ id }) => id));
      const times: OwnCategoryTimes = {
        finished: finished.length,
        unfinished: new Set(mine.flatMap(({ id }) => (done.has(id) ? [] : [id]))).size,
        totalMs: finished.reduce((sum, { span }) => sum + lengthOf(span), 0),
        wallMs: unionMs(mine.map(({ span }) => span)),
        longest: finished
          .map(({ name, span }) => ({ name, durationMs: lengthOf(span) }))
          .sort((a, b) => b.durationMs - a.durationMs)
          .slice(0, longestMax),
      };
      return [category, times];
    }),
  ) as Record<ItemCategory, OwnCategoryTimes>;
}

type Span = readonly [beginMs: number, endMs: number];

function spanOf({ beganMs, endedMs }: RecordedActivity, untilMs: number): Span {
  return [beganMs, Math.max(beganMs, endedMs ?? untilMs)];
}

function lengthOf([beginMs, endMs]: Span): number {
  return endMs - beginMs;
}

/** Time that at least one of the spans covers. */
export function unionMs(spans: readonly Span[]): number {
  let total = 0;
  let coveredMs = Number.NEGATIVE_INFINITY;
  for (const [beginMs, endMs] of [...spans].sort((a, b) => a[0] - b[0])) {
    total += Math.max(0, endMs - Math.max(beginMs, coveredMs));
    coveredMs = Math.max(coveredMs, endMs);
  }
  return total;
}

function instant(atMs: number): string {
  return new Date(atMs).toISOString();
}
