import { failure } from '../failure.ts';
import { secondsSince, withHeartbeat } from '../tools/withHeartbeat.ts';
import { createBalancerActivities } from './balancer.ts';
import { readContent } from './content.ts';
import { withMember, type MongoDependencies } from './memberConnection.ts';
import type { MongoActivities } from './mongo.contract.ts';
import { createReplicaSetActivities } from './replicaSets.ts';
import { createRestoredDataActivities } from './restoredData.ts';

export function createMongoActivities(dependencies: MongoDependencies): MongoActivities {
  const replicaSets = createReplicaSetActivities(dependencies);
  return {
    ...replicaSets,
    ...createBalancerActivities({ ...dependencies, findPrimary: replicaSets.findPrimary }),
    ...createRestoredDataActivities(dependencies),

    async recordContent({ set, countsOnly = false }) {
      const beganMs = performance.now();
      let at = '';
      return withHeartbeat(
        () => ({ set: set.name, database: at, elapsedSeconds: secondsSince(beganMs) }),
        async () => {
          const primary = await replicaSets.findPrimary({ set });
          const member = set.members.find(({ host, port }) => host.name === primary.host && port === primary.port);
          if (!member) throw failure('MongoNoPrimary', `the primary ${primary.host}:${primary.port} of ${set.name} is not described`);
          const collections = await withMember(dependencies, member, set.credential, (client) =>
            readContent(client, set.role, countsOnly, (database) => {
              at = database;
            }),
          );
          return { replicaSet: set.name, host: primary.host, takenAt: dependencies.now().toISOString(), collections };
        },
      );
    },
  };
}
