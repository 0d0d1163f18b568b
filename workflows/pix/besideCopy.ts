import type { BesideCopy } from '../../activities/warehouse/beside/beside.contract.ts';
import type { PixReplica } from './replica.contract.ts';

/** The copy beside that a replica asks for, in the words of the capability. */
export function besideCopyOf(replica: PixReplica, run: string): BesideCopy {
  return {
    replica: replica.name,
    run,
    source: replica.source,
    target: replica.target,
    schema: replica.schema,
    kept: Object.keys(replica.tables).sort(),
    foreignKeys: replica.foreignKeys,
    extraIndexes: replica.full.enrichment.filter(({ table }) => !(table in replica.tables)),
    compatibilityViews: replica.full.compatibilityViews,
  };
}
