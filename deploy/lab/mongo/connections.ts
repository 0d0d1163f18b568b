import { setTimeout as sleep } from 'node:timers/promises';

import { MongoClient, MongoServerError, type Document } from 'mongodb';

import type { ClusterMember, ClusterSet, ReachMember } from './clusterPlan.contract.ts';

const pauseMs = 50;
/** A shard member opens its port only once a config server answers. */
const answerLimitMs = 180_000;

/** Direct connections to the members of a cluster as the key file's own user `__system`, opened once each. */
export interface Connections {
  member(member: ClusterMember): Promise<MongoClient>;
  /** The set's primary; waits for one at most `limitMs`. */
  primary(set: ClusterSet, limitMs?: number): Promise<{ client: MongoClient; member: ClusterMember }>;
  close(): Promise<void>;
}

export function openConnections({ reach, keyFileText }: { reach: ReachMember; keyFileText: string }): Connections {
  const clients = new Map<string, Promise<MongoClient>>();

  async function open(member: ClusterMember): Promise<MongoClient> {
    const { host, port } = await reach(member);
    const deadline = Date.now() + answerLimitMs;
    for (;;) {
      // A client whose first attempt failed stays closed for good.
      const client = new MongoClient(`mongodb://${host}:${port}/`, {
        auth: { username: '__system', password: keyFileText.replace(/\s/g, '') },
        authSource: 'local',
        authMechanism: 'SCRAM-SHA-256',
        directConnection: true,
        serverSelectionTimeoutMS: 30_000,
        // The lab waits for elections in milliseconds.
        heartbeatFrequencyMS: 500,
        minHeartbeatFrequencyMS: 50,
        maxPoolSize: 8,
      });
      try {
        return await client.connect();
      } catch (error) {
        await client.close(true);
        const where = `mongod of ${member.machine} (${member.address}:${member.port})`;
        if (Date.now() > deadline)
          throw new Error(`${where} does not answer after ${answerLimitMs / 1000} s: ${String(error)}`, { cause: error });
      }
      await sleep(pauseMs);
    }
  }

  const memberClient: Connections['member'] = (member) => {
    const key = `${member.address}:${member.port}`;
    const known = clients.get(key) ?? open(member);
    clients.set(key, known);
    return known;
  };

  return {
    member: memberClient,
    async primary(set, limitMs = 120_000) {
      const deadline = Date.now() + limitMs;
      for (;;) {
        for (const member of set.members) {
          const client = await memberClient(member);
          const hello = await client
            .db('admin')
            .command({ hello: 1 })
            .catch(() => null);
          if (hello?.isWritablePrimary === true) return { client, member };
        }
        if (Date.now() > deadline) throw new Error(`${set.name}: no primary after ${limitMs / 1000} s`);
        await sleep(pauseMs);
      }
    },
    async close() {
      for (const client of clients.values()) await (await client).close(true);
    },
  };
}

/** Tries until it works, at most `limitMs`; the last error is thrown. Errors with a code in `fatalCodes` are thrown at once. */
export async function retry<Value>(limitMs: number, act: () => Promise<Value>, fatalCodes: number[] = []): Promise<Value> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (Date.now() > deadline || (error instanceof MongoServerError && fatalCodes.includes(Number(error.code)))) throw error;
      await sleep(pauseMs);
    }
  }
}

export function codeOf(error: unknown): number | undefined {
  return error instanceof MongoServerError ? Number(error.code) : undefined;
}

/** Write concern that cluster commands between servers carry. */
export const majority: Document = { writeConcern: { w: 'majority', wtimeout: 60_000 } };
