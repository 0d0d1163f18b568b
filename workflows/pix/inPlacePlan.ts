import type { PlannedStep } from '../runbook/runbook.contract.ts';
import type { PixReplica } from './replica.contract.ts';

/** The steps of a replacement in place (pix 9, 11). */
export interface InPlacePlan {
  inspect: PlannedStep;
  dump: PlannedStep;
  prove: PlannedStep;
  empty: PlannedStep;
  define: PlannedStep;
  restore: PlannedStep;
  finish: PlannedStep;
  verify: PlannedStep;
}

const brokenOff = 'none: the warehouse stays half full, the dump is kept, and the failure names the command that goes on';

export function planInPlace({ name, source, target, schema, tables, full }: PixReplica): InPlacePlan {
  // Up to the emptying a pause is heeded; from there on it would only keep the warehouse down.
  const mayWait = ['inspect', 'dump', 'prove', 'empty'];
  const step = (id: string, phase: string, title: string, commands: string[] = []): PlannedStep => ({
    ...{ id, phase, title, commands, skippable: false },
    ...(mayWait.includes(id) ? { whenPaused: 'waits' as const } : {}),
  });
  const kept = Object.keys(tables).map((table) => ` --exclude-table='"${schema}"."${table}"'`);
  return {
    inspect: step(
      'inspect',
      '1. Check both sides',
      `look at ${source.name} and ${target.name}: rights, versions, room, what would be lost`,
    ),
    dump: step('dump', '2. Dump', `dump the ${source.name} into a file on the worker`, [
      `pg_dump --format=custom --no-owner --no-privileges --schema='"${schema}"'${kept.join('')} (${source.name})`,
    ]),
    prove: step('prove', '2. Dump', 'read the dump to its end: rows per table, checksum'),
    empty: {
      ...step('empty', '3. Empty', `drop in one transaction what the dump brings back; from here on readers of ${name} see errors`),
      unwind: brokenOff,
    },
    define: {
      ...step('define', '4. Restore', 'restore types, tables, functions and views', ['pg_restore --section=pre-data']),
      unwind: brokenOff,
    },
    restore: {
      ...step('restore', '4. Restore', 'restore rows, keys and indexes', [
        `pg_restore --use-list=… --section=data --section=post-data --jobs=${full.atOnceMax} (${target.name})`,
      ]),
      unwind: brokenOff,
    },
    finish: {
      ...step('finish', '5. Enrich', 'compatibility views, enrichment indexes, views of others, grants, statistics'),
      unwind: brokenOff,
    },
    verify: step('verify', '6. Verify', `count every table of ${name}; look at indexes, keys and sequences`),
  };
}

export function inPlaceSteps(plan: InPlacePlan): PlannedStep[] {
  return [plan.inspect, plan.dump, plan.prove, plan.empty, plan.define, plan.restore, plan.finish, plan.verify];
}
