import { MongoServerError, type Db, type MongoClient } from 'mongodb';

import type { CollectionRecord, ContentDifference, ContentRecord, ReplicaSet } from './mongo.contract.ts';
import { isRecordedCollection, isRecordedDatabase } from './volatileCollections.ts';

export interface ReadingOptions {
  role: ReplicaSet['role'];
  countsOnly: boolean;
  /** Read every document to count it, not its `_id` index alone: where no digest is taken, this is what proves that the data can be read. */
  readDocuments: boolean;
  onProgress: (progress: { database: string; collection: string; collectionsRead: number }) => void;
}

/** Users, views, buckets of time series: dbHash reads them, but no administrator may count them directly. Their digest alone stands for them. */
const internalPrefix = 'system.';

/**
 * Count and digest of every collection of one member, raw. The digest is dbHash's: MD5 over the documents in the order of `_id`, the same on every
 * member and in a standalone mongod on its files. Asked for one collection at a time, since dbHash keeps writers of the database out.
 */
export async function readContent(client: MongoClient, options: ReadingOptions): Promise<CollectionRecord[]> {
  const answer = await client.db('admin').command({ listDatabases: 1, nameOnly: true });
  const databases = (answer.databases as { name: string }[]).map(({ name }) => name).sort();
  const records: CollectionRecord[] = [];
  for (const database of databases.filter((name) => isRecordedDatabase(options.role, name))) {
    const db = client.db(database);
    for (const collection of await listCollections(db)) {
      const internal = collection.startsWith(internalPrefix);
      if (internal && options.countsOnly) continue;
      options.onProgress({ database, collection, collectionsRead: records.length });
      records.push({
        database,
        collection,
        count: internal ? 0 : await countExactly(db, collection, options.readDocuments),
        digest: options.countsOnly ? '' : await digestOf(db, collection),
      });
    }
  }
  return records;
}

/** Stored collections. Views and time series are ways to look at others (system.views, system.buckets.…), which are listed. */
async function listCollections(db: Db): Promise<string[]> {
  const all = await db.listCollections({ type: 'collection' }, { nameOnly: true, authorizedCollections: false }).toArray();
  return all
    .map(({ name }) => name)
    .filter((name) => isRecordedCollection(db.databaseName, name))
    .sort();
}

const hintCodes: readonly unknown[] = [2, 291];

/**
 * Counted, not looked up: the number that `collStats` and a plain `count` give is kept beside the data, may be wrong for ever after an unclean stop, and
 * is copied with the files, so it would agree even where documents are missing. No shard version is sent, so orphans count: raw compares with raw.
 */
async function countExactly(db: Db, collection: string, readDocuments: boolean): Promise<number> {
  const count = async (hint: { hint?: { _id: 1 } | { $natural: 1 } }): Promise<number> => {
    const [result] = await db
      .collection(collection)
      .aggregate<{ count: number }>([{ $group: { _id: null, count: { $sum: 1 } } }], hint)
      .toArray();
    return result?.count ?? 0;
  };
  try {
    return await count({ hint: readDocuments ? { $natural: 1 } : { _id: 1 } });
  } catch (error) {
    // A collection without an index on `_id`.
    if (error instanceof MongoServerError && hintCodes.includes(error.code)) return count({});
    throw error;
  }
}

/** Empty for a collection that dbHash leaves out; it then counts alone. */
async function digestOf(db: Db, collection: string): Promise<string> {
  const { collections } = await db.command({ dbHash: 1, collections: [collection] });
  return (collections as Record<string, string>)[collection] ?? '';
}

/** What a restored member holds otherwise than the record says, missing and surplus collections included. */
export function compareContent(expected: Pick<ContentRecord, 'collections'>, found: readonly CollectionRecord[]): ContentDifference[] {
  const keyOf = ({ database, collection }: CollectionRecord): string => JSON.stringify([database, collection]);
  const foundByKey = new Map(found.map((record) => [keyOf(record), record]));
  const expectedByKey = new Map(expected.collections.map((record) => [keyOf(record), record]));
  const facts = (record: CollectionRecord | undefined) => (record ? { count: record.count, digest: record.digest } : null);
  return [...new Map([...expectedByKey, ...foundByKey])]
    .filter(([key]) => {
      const [one, other] = [expectedByKey.get(key), foundByKey.get(key)];
      return one?.count !== other?.count || one?.digest !== other?.digest;
    })
    .map(([key, { database, collection }]) => ({
      database,
      collection,
      expected: facts(expectedByKey.get(key)),
      found: facts(foundByKey.get(key)),
    }));
}
