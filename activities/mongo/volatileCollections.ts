import type { ReplicaSet } from './mongo.contract.ts';

/**
 * What a server keeps writing by itself, or holds for itself alone: it differs between the record and the copy although nobody worked.
 * Compared on mongod 6.0: a quiet set twice, 45 s apart; the primary before its stop and its files in a standalone mongod.
 */

/** Each member's own: oplog, start-up log, elections. Never replicated; a restore drops it. */
const localDatabase = 'local';

/** On a shard this is what it caches of the config servers' metadata, and sessions: it fetches or expires them by itself, and a restore rebuilds them. */
const shardSkips = new Set(['config']);

const skipped: Record<string, ReadonlySet<string>> = {
  admin: new Set([
    // Keys that sign cluster time: the config primary makes new ones before the old ones expire; only the server itself may read them.
    'system.keys',
  ]),
  config: new Set([
    // Every member and router of the cluster signs here every 30 s: the one that was seen to differ.
    'lockpings',
    // Every mongos signs here every 10 s.
    'mongos',
    // Logs of rounds and changes (capped), and locks of an operation while it runs: the last entry may come after the balancer is off.
    'actionlog',
    'changelog',
    'locks',
    // Expired sessions and the state of their retryable writes are reaped every 5 minutes.
    'system.sessions',
    'transactions',
    'image_collection',
    // Trimmed by a background job.
    'system.preimages',
    // Holds an index build only while one runs.
    'system.indexBuilds',
    // Keys of other clusters, dropped as they expire.
    'external_validation_keys',
    // Cluster time, saved as it moves on.
    'vectorClock',
    // Samples of queries, kept for some days.
    'sampledQueries',
    'sampledQueriesDiff',
  ]),
};

/** Metadata of the cluster (shards, databases, collections, chunks, settings) stays in: a config set's copy is worth nothing without it. */
export function isRecordedDatabase(role: ReplicaSet['role'], database: string): boolean {
  return database !== localDatabase && !(role === 'shard' && shardSkips.has(database));
}

export function isRecordedCollection(database: string, collection: string): boolean {
  // The profiler's records are the member's own. What a config server caches of its own metadata it fetches again.
  if (collection === 'system.profile') return false;
  if (database === 'config' && collection.startsWith('cache.')) return false;
  return !skipped[database]?.has(collection);
}
