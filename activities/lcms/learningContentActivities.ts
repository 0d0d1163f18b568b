import { cancellationSignal } from '@temporalio/activity';

import type { ResolveSecret } from '../hosts/host.ts';
import { withHeartbeat } from '../tools/withHeartbeat.ts';
import type { Connections } from '../postgres/connections.ts';
import { findReplacement, readSettledReplacement, writeReplacement } from '../warehouse/replacementRecord.ts';
import { fetchLearningContent } from './fetchLearningContent.ts';
import { ownSchemas } from '../warehouse/warehouse.contract.ts';
import type { LearningContentActivities, LearningContentReport } from './learningContent.contract.ts';
import { loadLearningContent } from './loadLearningContent.ts';

const application = 'nightshift learning content';

export function createLearningContentActivities({
  connections,
  resolveSecret,
}: {
  connections: Connections;
  resolveSecret: ResolveSecret;
}): LearningContentActivities {
  return {
    async replaceLearningContent({ owner, target, schema, content, swapLimitSeconds }) {
      const signal = cancellationSignal();
      const progress = { at: 'fetching', tables: 0, rows: 0 };
      return withHeartbeat(
        () => ({ ...progress }),
        async () => {
          const done = await connections.session(target, { application, signal }, (client) =>
            findReplacement<LearningContentReport>(client, owner, 'learningContent'),
          );
          if (done !== null) return done;
          const apiKey = await resolveSecret(content.apiKey);
          const body = await fetchLearningContent({
            url: content.url,
            app: content.app,
            limitSeconds: content.limitSeconds,
            apiKey,
            signal,
          });
          progress.at = 'loading';
          return connections.session(target, { application, signal }, (client) =>
            loadLearningContent({
              body,
              client,
              schema,
              signal,
              swapLimitSeconds,
              workSchema: ownSchemas.contentNext,
              previousSchema: ownSchemas.contentPrevious,
              beforeCommit: (report) => writeReplacement(client, owner, 'learningContent', report),
              onTable: (table, rows) => {
                progress.at = table;
                progress.tables += 1;
                progress.rows += rows;
              },
            }),
          );
        },
      );
    },
    async readLearningContent({ owner, target }) {
      return connections.session(target, { application, signal: cancellationSignal() }, (client) =>
        readSettledReplacement<LearningContentReport>(client, owner, 'learningContent'),
      );
    },
  };
}
