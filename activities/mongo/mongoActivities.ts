import { setTimeout as pause } from 'node:timers/promises';

import { cancellationSignal, heartbeat } from '@temporalio/activity';

import { failure } from '../failure.ts';
import { withHeartbeat } from '../tools/withHeartbeat.ts';
import { readBalancerOf, restoreBalancerOf, stopBalancerOf } from './balancer.ts';
import { compareContent, readContent } from './content.ts';
import { withMember, type MongoDependencies } from './memberConnection.ts';
import { askMembers } from './memberView.ts';
import type { MongoActivities } from './mongo.contract.ts';
import { confirmStopped, findPrimaryOf } from './primary.ts';
import { inWords, isComplete, judgeReplicaSet } from './replicaSetHealth.ts';
import { withStandalone } from './restoredData.ts';

const pollMs = 500;

export function createMongoActivities(dependencies: MongoDependencies): MongoActivities {
  return {
    async checkReplicaSet({ set }) {
      return judgeReplicaSet(set, await askMembers(dependencies, set));
    },

    async findPrimary({ set }) {
      return (await findPrimaryOf(dependencies, set)).seen;
    },

    async confirmPrimaryStopped({ set, stopped }) {
      return confirmStopped(dependencies, set, stopped);
    },

    async waitForReplicaSet({ set, limitSeconds }) {
      const deadlineMs = performance.now() + limitSeconds * 1000;
      let seen = 'nothing yet';
      const untilComplete = async () => {
        for (;;) {
          const views = await askMembers(dependencies, set);
          if (isComplete(views)) return judgeReplicaSet(set, views);
          seen = inWords(views);
          if (performance.now() > deadlineMs)
            throw failure('MongoNoPrimary', `${set.name} is not complete after ${limitSeconds} s: ${seen}`, { replicaSet: set.name });
          await pause(pollMs, undefined, { signal: cancellationSignal() });
        }
      };
      return withHeartbeat(() => ({ seen }), untilComplete);
    },

    async readBalancer({ cluster }) {
      return readBalancerOf(dependencies, cluster);
    },

    async stopBalancer({ cluster, limitSeconds }) {
      return stopBalancerOf(dependencies, cluster, limitSeconds);
    },

    async restoreBalancer({ cluster, mode }) {
      return restoreBalancerOf(dependencies, cluster, mode);
    },

    async recordContent({ set, countsOnly = false }) {
      const takenAt = dependencies.now().toISOString();
      const { view } = await findPrimaryOf(dependencies, set);
      const { result: collections } = await reading((onProgress) =>
        withMember(
          dependencies,
          view.member,
          set.credential,
          (client) => readContent(client, { role: set.role, countsOnly, readDocuments: false, onProgress }),
          { slowAnswers: true },
        ),
      );
      return { replicaSet: set.name, host: view.member.host.name, takenAt, collections };
    },

    async checkRestoredData({ host: ref, dataDirectory, mongod, port, expected }) {
      const host = await dependencies.openHost(ref);
      const countsOnly = expected.collections.length > 0 && expected.collections.every(({ digest }) => digest === '');
      // Every config set holds the database "config", and no record of a shard does.
      const role = expected.collections.some(({ database }) => database === 'config') ? 'config' : 'shard';
      const { result: found } = await reading((onProgress) =>
        withStandalone(dependencies, { host, dataDirectory, mongod, port }, (client) =>
          readContent(client, { role, countsOnly, readDocuments: countsOnly, onProgress }),
        ),
      );
      return {
        collections: found.length,
        documents: found.reduce((sum, { count }) => sum + count, 0),
        differences: compareContent(expected, found),
      };
    },
  };
}

type Progress = Parameters<Parameters<typeof readContent>[1]['onProgress']>[0];

/** Heartbeats what is being read: at every collection, and in between for large ones. */
async function reading<T>(work: (onProgress: (progress: Progress) => void) => Promise<T>): Promise<{ result: T }> {
  let at: Progress | { waitingFor: string } = { waitingFor: 'an answer' };
  const onProgress = (progress: Progress): void => {
    at = progress;
    heartbeat(progress);
  };
  return {
    result: await withHeartbeat(
      () => at,
      () => work(onProgress),
    ),
  };
}
