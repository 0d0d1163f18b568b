import type { BesidePlan, WorkItem } from '../../activities/postgres/beside/beside.contract.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import type { PixReplica } from './replica.contract.ts';

const phases = {
  check: '1. Check both sides',
  snapshot: '2. Snapshot and definitions',
  copy: '3. Copy the tables',
  index: '4. Keys and indexes',
  links: '5. Foreign keys, triggers, statistics',
  verify: '6. Verify',
  swap: '7. Put into use',
} as const;

/** Steps that are known before the source was looked at; those of tables and indexes join them with `itemSteps`. */
export interface FullPlan {
  inspect: PlannedStep;
  snapshot: PlannedStep;
  define: PlannedStep;
  sequences: PlannedStep;
  verify: PlannedStep;
  swap: PlannedStep;
}

export function planFull({ name, source, target, full, schema }: PixReplica): FullPlan {
  const step = (id: string, phase: keyof typeof phases, title: string, commands: string[] = []): PlannedStep => ({
    id,
    title,
    phase: phases[phase],
    commands,
    skippable: false,
    whenPaused: 'waits',
  });
  return {
    inspect: step('inspect', 'check', `look at ${source.name} and ${target.name}: rights, versions, what can be moved`),
    snapshot: step('snapshot', 'snapshot', `hold a snapshot of the ${source.name}`, [
      'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_export_snapshot()',
    ]),
    define: step('define', 'snapshot', `define the copy of schema ${schema} next to the one in use`, [
      `pg_dump --section=pre-data --section=post-data --schema=${schema} --snapshot=… (${source.name})`,
    ]),
    sequences: step('sequences', 'verify', 'set the sequences'),
    verify: step('verify', 'verify', `count every table of ${name} again; look at indexes, keys and sequences`),
    swap: {
      ...step(
        'swap',
        'swap',
        `put the copy into use in one transaction (for at most ${full.swapLimitSeconds} s it looks for a moment that harms no reader)`,
      ),
      limitSeconds: full.swapLimitSeconds,
      unwind: 'pixUndoReplication puts the former copy back',
    },
  };
}

export function stepsOf(plan: FullPlan): PlannedStep[] {
  return [plan.inspect, plan.snapshot, plan.define, plan.sequences, plan.verify, plan.swap];
}

const phaseOf = {
  copy: phases.copy,
  index: phases.index,
  attach: phases.links,
  foreignKey: phases.links,
  finish: phases.links,
  analyze: phases.links,
} as const;

export function itemStep({ id, kind, title }: WorkItem): PlannedStep {
  return { id, title, phase: phaseOf[kind], commands: [], skippable: kind === 'foreignKey', whenPaused: 'restarts' };
}

/** Steps of all items in the order of their phases. */
export function itemSteps({ copies, indexes, attaches, foreignKeys, finish, analyze }: BesidePlan): PlannedStep[] {
  return [...copies, ...indexes, ...attaches, ...analyze, ...foreignKeys, ...finish].map(itemStep);
}
