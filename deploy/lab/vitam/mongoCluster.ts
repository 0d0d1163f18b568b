import { setTimeout as sleep } from 'node:timers/promises';

import { Long, type MongoClient } from 'mongodb';

import type { ClusterPlan, ClusterSet, ReachMember } from '../mongo/clusterPlan.contract.ts';
import { openConnections, type Connections } from '../mongo/connections.ts';
import { documentBytes, documents } from '../mongo/documents.ts';
import { hashedKeyOf } from '../mongo/hashedKey.ts';
import { ensureReplicaSet, ensureUsers, waitUntilHealthy } from '../mongo/replicaSets.ts';
import {
  chunksOf,
  ensureDatabase,
  ensureShardedCollection,
  ensureShards,
  hasChunkSize,
  isBalanced,
  migrationsOf,
  moveRange,
  setChunkSize,
} from '../mongo/sharding.ts';

interface HashedCollection {
  database: string;
  collection: string;
  /** Part of the data of the whole cluster. */
  share: number;
}

const hashedCollections: readonly HashedCollection[] = [
  { database: 'metadata', collection: 'Unit', share: 0.7 },
  { database: 'metadata', collection: 'ObjectGroup', share: 0.2 },
  { database: 'logbook', collection: 'LogbookOperation', share: 0.1 },
];
/** Small chunks and all of its data on one shard: the real balancer spreads it. */
const uneven = { database: 'logbook', collection: 'LogbookLifeCycleUnit', megabytes: 8, chunkMegabytes: 1 };
const unevenNamespace = `${uneven.database}.${uneven.collection}`;
const unsharded = [
  { collection: 'AccessContract', count: 20 },
  { collection: 'Agencies', count: 150 },
];
const batchSize = 500;
const batchesInFlight = 4;
const balancerLimitMs = 180_000;
const settledLimitMs = 180_000;
/** Rounds that move something follow each other within about a second. */
const settledPauseMs = 2500;

/**
 * A real sharded cluster on members that run (a mongod each, with key file), made from nothing by direct connections: replica sets,
 * users, shards, sharded collections, data, a migration by the real balancer. Repeatable: a cluster that is complete is only waited
 * for, and its balancer is left as it was found.
 * @returns whether it was made now, and how many migrations its balancer had committed.
 */
export async function ensureMongoCluster(
  plan: ClusterPlan,
  { reach, say }: { reach: ReachMember; say: (line: string) => void },
): Promise<{ made: boolean; migrations: number }> {
  const connections = openConnections({ reach, keyFileText: plan.keyFileText });
  const clock = stopwatch();
  try {
    const sets = [plan.config, ...plan.shards];
    await Promise.all(sets.map((set) => ensureReplicaSet(connections, set)));
    say(`mongo: ${sets.length} replica sets of ${plan.config.members.length}, each with a primary, ${clock()}`);
    const before = await migrationsOf(connections, plan, unevenNamespace);
    const filled = await isFilled(connections, plan);
    if (filled && before > 0) return { made: false, migrations: before };
    if (!filled) {
      await Promise.all(sets.map((set) => ensureUsers(connections, plan, set)));
      await ensureShards(connections, plan);
      const made = await fill(connections, plan);
      say(
        `mongo: sharded, ${made} documents, ${Math.round((made * documentBytes) / 1_000_000)} MB on ${plan.shards.length} shards, ${clock()}`,
      );
    }
    const moved = await waitForMigration(connections, plan);
    const migrations = await waitUntilSettled(connections, plan);
    await Promise.all(sets.map((set) => waitUntilHealthy(connections, set)));
    say(`mongo: ${migrations} migrations by ${moved.byBalancer ? 'the balancer' : 'moveRange'}, ${clock()}`);
    return { made: true, migrations };
  } finally {
    await connections.close();
  }
}

/** The last referential is inserted last: with it, all is in. */
async function isFilled(connections: Connections, plan: ClusterPlan): Promise<boolean> {
  const [lastShard, last] = [plan.shards.at(-1), unsharded.at(-1)];
  if (!lastShard || !last) return false;
  const { client } = await connections.primary(lastShard);
  return (await client.db('masterdata').collection(last.collection).countDocuments()) === last.count;
}

async function fill(connections: Connections, plan: ClusterPlan): Promise<number> {
  const [firstShard, lastShard] = [plan.shards[0], plan.shards.at(-1)];
  if (!firstShard || !lastShard) throw new Error('the cluster has no shard');
  for (const [database, shard] of [
    ['metadata', firstShard],
    ['logbook', firstShard],
    ['masterdata', lastShard],
  ] as const)
    await ensureDatabase(connections, plan, database, shard.name);
  let made = await fillUneven(connections, plan, firstShard);
  const totalMegabytes = Math.max(0, plan.megabytesPerShard * plan.shards.length - uneven.megabytes);
  let { seed } = plan;
  for (const { database, collection, share } of hashedCollections) {
    await ensureShardedCollection(connections, plan, { database, collection, shardKey: { _id: 'hashed' }, primaryShard: firstShard });
    const count = Math.max(20, Math.round((totalMegabytes * share * 1_000_000) / documentBytes));
    made += await insertHashed(connections, plan, { database, collection, count, seed: (seed += 1) });
  }
  const { client } = await connections.primary(lastShard);
  for (const { collection, count } of unsharded)
    made += await insert(client, 'masterdata', collection, documents({ count, seed: (seed += 1), kind: collection, ordered: true }));
  return made;
}

/** First of all, so that the balancer's rounds, ten seconds apart, begin to spread it while the rest is inserted. */
async function fillUneven(connections: Connections, plan: ClusterPlan, shard: ClusterSet): Promise<number> {
  await ensureShardedCollection(connections, plan, { ...uneven, shardKey: { _id: 1 }, primaryShard: shard });
  const count = Math.round((uneven.megabytes * 1_000_000) / documentBytes);
  // Until its chunks are made small nothing of it moves, so all documents go to the shard that owns its one chunk.
  if (await hasChunkSize(connections, plan, unevenNamespace)) return count;
  const { client } = await connections.primary(shard);
  const made = documents({ count, seed: plan.seed, kind: uneven.collection, ordered: true });
  await insert(client, uneven.database, uneven.collection, made);
  await setChunkSize(connections, plan, unevenNamespace, uneven.chunkMegabytes);
  return count;
}

/** Every document into the shard that owns the chunk of its hashed key, as a router would send it. */
async function insertHashed(
  connections: Connections,
  plan: ClusterPlan,
  { database, collection, count, seed }: { database: string; collection: string; count: number; seed: number },
): Promise<number> {
  const upper = (await chunksOf(connections, plan, `${database}.${collection}`)).map(({ max, shard }) => {
    const bound: unknown = max._id;
    return { max: Long.isLong(bound) ? bound.toBigInt() : null, shard };
  });
  const ownerOf = (id: string): string => {
    const key = hashedKeyOf(id);
    return (upper.find(({ max }) => max === null || key < max) ?? upper.at(-1))?.shard ?? '';
  };
  const batches = new Map<string, (ReturnType<typeof documents> extends Generator<infer Made> ? Made : never)[]>();
  const sinks = new Map(
    await Promise.all(
      plan.shards.map(
        async (shard) => [shard.name, await openSink((await connections.primary(shard)).client, database, collection)] as const,
      ),
    ),
  );
  for (const document of documents({ count, seed, kind: collection, ordered: false })) {
    const owner = ownerOf(document._id);
    const batch = batches.get(owner) ?? [];
    batch.push(document);
    batches.set(owner, batch);
    if (batch.length < batchSize) continue;
    batches.delete(owner);
    await sinks.get(owner)?.write(batch);
  }
  for (const [owner, batch] of batches) await sinks.get(owner)?.write(batch);
  for (const sink of sinks.values()) await sink.end();
  return count;
}

async function insert(client: MongoClient, database: string, collection: string, made: ReturnType<typeof documents>): Promise<number> {
  const sink = await openSink(client, database, collection);
  const all = [...made];
  for (let begin = 0; begin < all.length; begin += batchSize) await sink.write(all.slice(begin, begin + batchSize));
  await sink.end();
  return all.length;
}

interface Sink {
  write(batch: { _id: string }[]): Promise<void>;
  end(): Promise<void>;
}

/** Empties the collection on this shard (what an interrupted making left), then takes batches, a few at a time. */
async function openSink(client: MongoClient, database: string, collection: string): Promise<Sink> {
  const target = client.db(database).collection<{ _id: string }>(collection, { writeConcern: { w: 'majority' } });
  await target.deleteMany({});
  const flying = new Set<Promise<unknown>>();
  return {
    async write(batch) {
      if (batch.length === 0) return;
      while (flying.size >= batchesInFlight) await Promise.race(flying);
      const flight = target.insertMany(batch, { ordered: false }).finally(() => flying.delete(flight));
      // A failure is thrown by the race above or by `end`.
      flight.catch(() => undefined);
      flying.add(flight);
    },
    async end() {
      await Promise.all(flying);
    },
  };
}

/** The first migration by the real balancer; when it takes too long, one by hand, so that the change log always holds one. */
async function waitForMigration(connections: Connections, plan: ClusterPlan): Promise<{ byBalancer: boolean }> {
  const deadline = Date.now() + balancerLimitMs;
  while (Date.now() < deadline) {
    if ((await migrationsOf(connections, plan, unevenNamespace)) > 0) return { byBalancer: true };
    await sleep(200);
  }
  const first = (await chunksOf(connections, plan, unevenNamespace))[0];
  const target = plan.shards.find(({ name }) => name !== first?.shard);
  if (first && target) await moveRange(connections, plan, unevenNamespace, first.min, target.name);
  return { byBalancer: false };
}

/**
 * Waits until the balancer is content, no migration came for a while and no shard has a range left to delete: then raw contents stand still.
 * Returns the migrations.
 */
async function waitUntilSettled(connections: Connections, plan: ClusterPlan): Promise<number> {
  const deadline = Date.now() + settledLimitMs;
  for (let before = -1; ;) {
    const migrations = await migrationsOf(connections, plan, unevenNamespace);
    const primaries = await Promise.all(plan.shards.map((shard) => connections.primary(shard)));
    const ranges = await Promise.all(primaries.map(({ client }) => client.db('config').collection('rangeDeletions').countDocuments()));
    const isStill = migrations === before && ranges.every((count) => count === 0);
    if ((isStill && (await isBalanced(connections, plan, unevenNamespace))) || Date.now() > deadline) return migrations;
    before = migrations;
    await sleep(settledPauseMs);
  }
}

function stopwatch(): () => string {
  let last = Date.now();
  return () => {
    const seconds = (Date.now() - last) / 1000;
    last = Date.now();
    return `${seconds.toFixed(1)} s`;
  };
}
