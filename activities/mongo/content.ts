import type { MongoClient } from 'mongodb';

import type { CollectionRecord, ContentDifference, ReplicaSet } from './mongo.contract.ts';

/**
 * Collections that the server itself writes at any time, with nobody working: session and transaction bookkeeping, pings, query sampling. Not content.
 */
const keptByServer = new Set([
  'config.system.sessions',
  'config.transactions',
  'config.image_collection',
  // Keys for signing cluster times: rotated by the server, and no role but the server's own may read them.
  'admin.system.keys',
  'config.lockpings',
  'config.locks',
  'config.mongos',
  'config.sampledQueries',
  'config.sampledQueriesDiff',
  'config.system.indexBuilds',
  'config.system.preimages',
  'config.external_validation_keys',
  // Logs of the balancer's rounds and of configuration changes: the end of the last round may be written after the balancer is off.
  'config.actionlog',
  'config.changelog',
]);

/** Databases whose content a copy must hold: all but `local`, and on shards `config`, where only caches and bookkeeping lie. */
function isContent(database: string, role: ReplicaSet['role']): boolean {
  return database !== 'local' && (database !== 'config' || role === 'config');
}

/**
 * Count and digest of every collection as this member holds them, raw: orphans of earlier migrations included, because a copy of the files includes them.
 * `dbHash` reads every document in `_id` order on the server; the exact count is taken beside it.
 * @param countsOnly metadata counts and empty digests: a read of moments, for data too large to hash in the window.
 */
export async function readContent(
  client: MongoClient,
  role: ReplicaSet['role'],
  countsOnly: boolean,
  onDatabase: (name: string) => void,
): Promise<CollectionRecord[]> {
  const { databases } = (await client.db('admin').command({ listDatabases: 1, nameOnly: true })) as unknown as {
    databases: { name: string }[];
  };
  const records: CollectionRecord[] = [];
  for (const { name: database } of databases.filter((each) => isContent(each.name, role))) {
    onDatabase(database);
    const digests = countsOnly ? await collectionNames(client, database) : await hashDatabase(client, database);
    for (const [collection, digest] of Object.entries(digests).sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (keptByServer.has(`${database}.${collection}`)) continue;
      const store = client.db(database).collection(collection);
      const count = countsOnly ? await store.estimatedDocumentCount() : await store.countDocuments({});
      records.push({ database, collection, count, digest });
    }
  }
  return records;
}

async function hashDatabase(client: MongoClient, database: string): Promise<Record<string, string>> {
  const { collections } = (await client.db(database).command({ dbHash: 1 })) as unknown as { collections: Record<string, string> };
  return collections;
}

async function collectionNames(client: MongoClient, database: string): Promise<Record<string, string>> {
  const found = await client.db(database).listCollections({ type: 'collection' }, { nameOnly: true }).toArray();
  return Object.fromEntries(found.filter(({ name }) => !name.startsWith('system.')).map(({ name }) => [name, '']));
}

export function compareContent(expected: readonly CollectionRecord[], found: readonly CollectionRecord[]): ContentDifference[] {
  const key = ({ database, collection }: CollectionRecord): string => `${database}.${collection}`;
  const foundByKey = new Map(found.map((each) => [key(each), each]));
  const expectedByKey = new Map(expected.map((each) => [key(each), each]));
  const brief = (record: CollectionRecord | undefined): { count: number; digest: string } | null =>
    record ? { count: record.count, digest: record.digest } : null;
  return [...new Map([...expectedByKey, ...foundByKey]).keys()].flatMap((each) => {
    const [wanted, got] = [expectedByKey.get(each), foundByKey.get(each)];
    if (wanted && got && wanted.count === got.count && wanted.digest === got.digest) return [];
    const one = wanted ?? got;
    return one ? [{ database: one.database, collection: one.collection, expected: brief(wanted), found: brief(got) }] : [];
  });
}
