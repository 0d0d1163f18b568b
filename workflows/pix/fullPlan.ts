import type { BesidePlan, WorkItem } from '../../activities/warehouse/beside/beside.contract.ts';
import { step } from '../runbook/plan.ts';
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

const whenPaused = 'waits';

export type FullPlan = ReturnType<typeof planFull>;

/** What is known before the source was looked at; steps of tables and indexes join it with `itemSteps`. */
export function planFull({ name, source, target, full, schema }: PixReplica) {
  return {
    method: 'beside' as const,
    inspect: step(phases.check, 'inspect', `look at the ${source.name} and the ${target.name}: rights, versions, what can be moved`, {
      whenPaused,
    }),
    snapshot: step(phases.snapshot, 'snapshot', `hold one snapshot of the ${source.name} for the whole copy`, {
      commands: ['BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_export_snapshot()'],
      unwind: 'the snapshot is released',
      whenPaused,
    }),
    define: step(phases.snapshot, 'define', `define the copy of schema ${schema} beside the one in use`, {
      commands: [`pg_dump --section=pre-data --section=post-data --schema=${schema} --snapshot=… (${source.name})`],
      unwind: 'what was built beside the copy in use is dropped',
      whenPaused,
    }),
    sequences: step(phases.verify, 'sequences', 'set the sequences', { whenPaused }),
    verify: step(phases.verify, 'verify', `count every table of ${name} again; look at indexes, keys and sequences`, { whenPaused }),
    swap: step(
      phases.swap,
      'swap',
      `put the copy into use in one transaction (for at most ${full.swapLimitSeconds} s it looks for a moment that harms no reader)`,
      { limitSeconds: full.swapLimitSeconds, unwind: 'pixUndoReplication puts the former copy back', whenPaused },
    ),
  };
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
  return step(phaseOf[kind], id, title, { skippable: kind === 'foreignKey', whenPaused: 'restarts' });
}

/** Steps of all items in the order of their phases. */
export function itemSteps({ copies, indexes, attaches, foreignKeys, finish, analyze }: BesidePlan): PlannedStep[] {
  return [...copies, ...indexes, ...attaches, ...analyze, ...foreignKeys, ...finish].map(itemStep);
}
