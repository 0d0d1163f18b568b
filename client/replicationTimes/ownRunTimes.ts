import type { WorkflowExecutionStatusName } from '@temporalio/client';

import type { BesideActivities } from '../../activities/warehouse/beside/beside.contract.ts';
import { timesByCategory, unionMs, type ItemCategory, type Span } from './itemTimes.ts';

/** One activity of a run, as its history tells it. Its time counts its tries and their pauses. */
export interface RecordedActivity {
  activity: string;
  /** First argument, decoded. */
  input: unknown;
  beganMs: number;
  /** Null: under way. */
  endedMs: number | null;
  completed: boolean;
}

/** A run of ours and its children, as the server holds them. `endedMs` null: it goes on. */
export interface RecordedRun {
  workflowId: string;
  runId: string;
  type: string;
  status: WorkflowExecutionStatusName;
  beganMs: number;
  endedMs: number | null;
  activities: RecordedActivity[];
  children: RecordedRun[];
}

export const chainType = 'pixReplication';

/** What stands for the phases of the old tool. The last two of each end it: one beside the live tables, one in place. */
const phases = {
  backup: ['holdSnapshot', 'dumpSource', 'defineBeside', 'proveDump'],
  replication: [
    ...['copyTables', 'runStatements', 'setSequences', 'verifyBeside', 'emptyTarget', 'defineInPlace', 'restoreInPlace'],
    ...['swapBeside', 'verifyInPlace'],
  ],
};
const categories: Record<string, ItemCategory> = { copy: 'TABLE DATA', index: 'INDEX', attach: 'INDEX', foreignKey: 'FK CONSTRAINT' };

export type OwnRunTimes = ReturnType<typeof timesOfRun>;

/**
 * The durations of a run in the categories of the old tool's log. What is not known is null. Instants are ISO 8601 UTC.
 * @param waiting steps that the run itself says it has not begun.
 */
export function timesOfRun(run: RecordedRun, waiting: readonly string[], nowMs: number) {
  const steps = run.type === chainType ? run.children : [run];
  // A link that was run again the same day: the last one counts.
  const full = steps.findLast(({ type }) => type === 'pixFullReplication');
  const spanOf = ({ beganMs, endedMs }: RecordedActivity, of = full): Span => [beganMs, endedMs ?? of?.endedMs ?? nowMs];
  const work = (full?.activities ?? []).map((each) => ({ ...each, ...itemOf(each), span: spanOf(each) }));
  const wallOf = (isMeant: (each: (typeof work)[number]) => boolean): number | null =>
    work.some(isMeant) ? unionMs(work.filter(isMeant).map(({ span }) => span)) : null;
  const isUnderWay = full !== undefined && full.status !== 'COMPLETED';
  const lacks = (phase: keyof typeof phases): boolean =>
    isUnderWay && !work.some(({ activity, completed }) => completed && phases[phase].slice(-2).includes(activity));
  const nameOf = (step: RecordedRun): string => (step === run ? run.type : step.workflowId.slice(run.workflowId.length + 1));
  const open = steps.filter((step) => step !== run && step.status !== 'COMPLETED').map(nameOf);
  const complete = run.status === 'COMPLETED';
  return {
    ...{ workflowId: run.workflowId, runId: run.runId, type: run.type, status: run.status, complete },
    /** Phases and steps that did not end, or were not begun as far as is known. */
    missing: complete ? [] : [...new Set([...(['backup', 'replication'] as const).filter(lacks), ...open, ...waiting])],
    ...lifeOf(run, nowMs),
    /** `beside` holds a snapshot where the old tool made a dump; its extra indexes are built among the others. Null: no full replication in the run. */
    method: full ? (work.some(({ activity }) => activity === 'dumpSource') ? ('inPlace' as const) : ('beside' as const)) : null,
    /** Snapshot and definitions, or the dump. */
    backupMs: wallOf(({ activity }) => phases.backup.includes(activity)),
    /** From data to swap, or the restore. */
    replicationMs: wallOf(({ activity }) => phases.replication.includes(activity)),
    /** Extra indexes; null also when they were built together with others in one item. `beside`: a part of the replication's time. */
    enrichmentMs: wallOf(({ activity, isExtraIndex }) => activity === 'finishInPlace' || isExtraIndex),
    /** Of the full replication. */
    totalMs: full?.status === 'COMPLETED' ? lifeOf(full, nowMs).wallMs : null,
    categories: timesByCategory(
      work.flatMap(({ category, completed, ...each }) => (category ? [{ ...each, category, finished: completed }] : [])),
    ),
    steps: steps.map((step) => ({
      /** What follows the chain's id in that of the child; of a run that is no chain, its type. */
      step: nameOf(step),
      ...{ workflowId: step.workflowId, status: step.status, ...lifeOf(step, nowMs) },
      /** Of its activities: may be longer than the step. */
      sumMs: step.activities.reduce((sum, each) => sum + unionMs([spanOf(each, step)]), 0),
    })),
  };
}

/** `wallMs` of what goes on: up to now. */
function lifeOf({ beganMs, endedMs }: RecordedRun, nowMs: number): { beganAt: string; endedAt: string | null; wallMs: number } {
  const endedAt = endedMs === null ? null : new Date(endedMs).toISOString();
  return { beganAt: new Date(beganMs).toISOString(), endedAt, wallMs: (endedMs ?? nowMs) - beganMs };
}

/** The item of pg_restore that an activity of the copy beside stands for, and whether it is an index of the replica's own that was built by itself. */
function itemOf({ activity, input }: RecordedActivity): { id: string; name: string; category?: ItemCategory; isExtraIndex: boolean } {
  if (activity === 'setSequences') return { id: 'sequences', name: 'all sequences', category: 'SEQUENCE', isExtraIndex: false };
  const isItem = activity === 'copyTables' || activity === 'runStatements';
  const { item, copy } = ((isItem ? input : null) as Partial<Parameters<BesideActivities['runStatements']>[0]>) ?? {};
  if (!item) return { id: '', name: '', isExtraIndex: false };
  const { id, kind, title } = item;
  // Built indexes become the keys of their tables; any other attach joins indexes of partitions to their parents.
  const category = id === 'attach/keys' ? 'CONSTRAINT' : categories[kind];
  const isExtraIndex = kind === 'index' && (copy?.extraIndexes ?? []).some(({ name }) => id === `index/${name}`);
  return { id, name: title, category, isExtraIndex };
}
