import { step } from '../runbook/plan.ts';
import type { PixReplica } from './replica.contract.ts';

const unwind = 'none: the warehouse stays half full, the dump is kept, and the failure names the command that goes on';
/** Up to the emptying a pause is heeded; from there on it would only keep the warehouse down. */
const whenPaused = 'waits';

export type InPlacePlan = ReturnType<typeof planInPlace>;

/** The steps of a replacement in place. */
export function planInPlace({ name, source, target, schema, tables, full }: PixReplica) {
  const kept = Object.keys(tables).map((table) => ` --exclude-table='"${schema}"."${table}"'`);
  return {
    method: 'inPlace' as const,
    inspect: step(
      '1. Check both sides',
      'inspect',
      `look at the ${source.name} and the ${target.name}: rights, versions, room, what would be lost`,
      { whenPaused },
    ),
    dump: step('2. Dump', 'dump', `dump the ${source.name} into a file on the worker`, {
      commands: [`pg_dump --format=custom --no-owner --no-privileges --schema='"${schema}"'${kept.join('')} (${source.name})`],
      unwind: 'the dump is deleted',
      whenPaused,
    }),
    prove: step('2. Dump', 'prove', 'read the dump to its end: rows per table, checksum', { whenPaused }),
    empty: step('3. Empty', 'empty', 'drop in one transaction what the dump brings back', {
      pointOfNoReturn: `from here on readers of ${name} see errors, until the warehouse is filled and checked`,
      unwind,
      whenPaused,
    }),
    define: step('4. Restore', 'define', 'restore types, tables, functions and views', {
      commands: ['pg_restore --section=pre-data'],
      unwind,
    }),
    restore: step('4. Restore', 'restore', 'restore rows, keys and indexes', {
      commands: [`pg_restore --use-list=… --section=data --section=post-data --jobs=${full.atOnceMax} (${target.name})`],
      unwind,
    }),
    finish: step('5. Enrich', 'finish', 'compatibility views, enrichment indexes, views of others, grants, statistics', { unwind }),
    verify: step('6. Verify', 'verify', `count every table of ${name}; look at indexes, keys and sequences`),
  };
}
