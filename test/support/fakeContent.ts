import type { ContentRecord, ReplicaSet } from '../../activities/mongo/mongo.contract.ts';

/** Content of a replica set of the fake platform: one collection, the same at every reading. */
export function fakeContent(set: ReplicaSet, host: string): ContentRecord {
  return {
    replicaSet: set.name,
    host,
    takenAt: new Date().toISOString(),
    collections: [{ database: 'metadata', collection: 'Unit', count: 10, digest: `digest-${set.name}` }],
  };
}
