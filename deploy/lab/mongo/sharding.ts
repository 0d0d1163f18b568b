import type { Document } from 'mongodb';

import type { ClusterPlan, ClusterSet } from './clusterPlan.contract.ts';
import { majority, retry, type Connections } from './connections.ts';

// Commands that a mongos would send: there is no mongos in the lab, so they go to the members themselves. All are real server commands.

const limitMs = 120_000;

export async function ensureShards(connections: Connections, plan: ClusterPlan): Promise<void> {
  const { client } = await connections.primary(plan.config);
  const known = new Set((await client.db('config').collection<{ _id: string }>('shards').find().toArray()).map(({ _id }) => _id));
  for (const shard of plan.shards) {
    if (known.has(shard.name)) continue;
    const hosts = shard.members.map(({ address, port }) => `${address}:${port}`).join(',');
    await retry(limitMs, () => client.db('admin').command({ _configsvrAddShard: `${shard.name}/${hosts}`, name: shard.name, ...majority }));
  }
}

export async function ensureDatabase(connections: Connections, plan: ClusterPlan, database: string, primaryShard: string): Promise<void> {
  const { client } = await connections.primary(plan.config);
  await client.db('admin').command({ _configsvrCreateDatabase: database, primaryShardId: primaryShard, ...majority });
}

/** Shards a collection on the primary shard of its database; one that is sharded is left alone. */
export async function ensureShardedCollection(
  connections: Connections,
  plan: ClusterPlan,
  { database, collection, shardKey, primaryShard }: { database: string; collection: string; shardKey: Document; primaryShard: ClusterSet },
): Promise<void> {
  const config = (await connections.primary(plan.config)).client.db('config');
  if (await config.collection<{ _id: string }>('collections').findOne({ _id: `${database}.${collection}` })) return;
  // The version holds a UUID and a timestamp that must come back as they are.
  const described = await config
    .collection<{ _id: string; version: Document }>('databases')
    .findOne({ _id: database }, { promoteValues: false });
  if (!described) throw new Error(`database ${database} is unknown to the config servers`);
  const shard = (await connections.primary(primaryShard)).client.db(database);
  await shard.command({
    _shardsvrCreateCollection: collection,
    shardKey,
    unique: false,
    databaseVersion: described.version,
    ...majority,
  });
}

export interface Chunk {
  min: Document;
  max: Document;
  shard: string;
}

/** Chunks of a collection in the order of their keys. */
export async function chunksOf(connections: Connections, plan: ClusterPlan, namespace: string): Promise<Chunk[]> {
  const config = (await connections.primary(plan.config)).client.db('config');
  const described = await config.collection<{ _id: string; uuid: Document }>('collections').findOne({ _id: namespace });
  if (!described) throw new Error(`${namespace} is not sharded`);
  return config.collection<Document & Chunk>('chunks').find({ uuid: described.uuid }, { promoteLongs: false }).sort({ min: 1 }).toArray();
}

/** Chunk size of one collection, so that the balancer has work at small sizes. The command refuses a write concern. */
export async function setChunkSize(connections: Connections, plan: ClusterPlan, namespace: string, megabytes: number): Promise<void> {
  const { client } = await connections.primary(plan.config);
  await client.db('admin').command({ _configsvrConfigureCollectionBalancing: namespace, chunkSize: megabytes });
}

export async function hasChunkSize(connections: Connections, plan: ClusterPlan, namespace: string): Promise<boolean> {
  const config = (await connections.primary(plan.config)).client.db('config');
  const described = await config.collection<{ _id: string; maxChunkSizeBytes?: unknown }>('collections').findOne({ _id: namespace });
  return described?.maxChunkSizeBytes !== undefined;
}

/** Migrations of a collection that were committed, by the config servers' own change log. */
export async function migrationsOf(connections: Connections, plan: ClusterPlan, namespace: string): Promise<number> {
  const { client } = await connections.primary(plan.config);
  return client.db('config').collection('changelog').countDocuments({ ns: namespace, what: 'moveChunk.commit' });
}

/** Whether the balancer itself would leave the collection as it is. */
export async function isBalanced(connections: Connections, plan: ClusterPlan, namespace: string): Promise<boolean> {
  const { client } = await connections.primary(plan.config);
  const { balancerCompliant } = await client.db('admin').command({ _configsvrBalancerCollectionStatus: namespace });
  return balancerCompliant === true;
}

/** Moves the range to the shard, as an operator's moveRange would. */
export async function moveRange(
  connections: Connections,
  plan: ClusterPlan,
  namespace: string,
  min: Document,
  toShard: string,
): Promise<void> {
  const { client } = await connections.primary(plan.config);
  await client.db('admin').command({ _configsvrMoveRange: namespace, toShard, min, ...majority });
}
