import { cancellationSignal } from '@temporalio/activity';

import { failure } from '../failure.ts';
import { withHeartbeat } from '../tools/withHeartbeat.ts';
import type { Connections } from '../postgres/connections.ts';
import { qualified } from '../postgres/identifiers.ts';
import { findReplacement, readSettledReplacement, writeReplacement } from '../warehouse/replacementRecord.ts';
import { fetchOpenData } from './fetchOpenData.ts';
import { loadOpenData } from './loadOpenData.ts';
import type { OpenDataActivities, OpenDataReport } from './openData.contract.ts';

const application = 'nightshift open data';

export function createOpenDataActivities({ connections }: { connections: Connections }): OpenDataActivities {
  return {
    async replaceOpenData({ owner, target, schema, openData, swapLimitSeconds }) {
      const signal = cancellationSignal();
      const progress = { at: 'fetching', pages: 0, rows: 0 };
      return withHeartbeat(
        () => ({ ...progress }),
        async () => {
          const { url, rowsMax, table } = openData;
          const done = await connections.session(target, { application, signal }, (client) =>
            findReplacement<OpenDataReport>(client, owner, 'openData'),
          );
          if (done !== null) return done;
          const { records, totalCount } = await fetchOpenData({
            url,
            rowsMax,
            signal,
            onPage: (rows) => {
              progress.pages += 1;
              progress.rows = rows;
            },
          });
          progress.at = 'loading';
          const loaded = await connections.session(target, { application, signal }, (client) =>
            loadOpenData({
              client,
              schema,
              table,
              records,
              swapLimitSeconds,
              signal,
              beforeCommit: (report) => writeReplacement(client, owner, 'openData', { ...report, totalCount } satisfies OpenDataReport),
            }),
          );
          return { ...loaded, totalCount };
        },
      );
    },
    async checkOpenData({ target, schema, table, rows }) {
      const signal = cancellationSignal();
      await withHeartbeat(
        () => ({}),
        () =>
          connections.session(target, { application, signal }, async (client) => {
            const { rows: counted } = await client.query<{ count: string }>(`select count(*) as count from ${qualified(schema, table)}`);
            const seen = Number(counted[0]?.count);
            if (seen !== rows)
              throw failure('ReplicaNotVerified', `${table}: ${rows} rows were put into use, readers see ${seen}`, { table, rows, seen });
          }),
      );
    },
    async readOpenData({ owner, target }) {
      return connections.session(target, { application, signal: cancellationSignal() }, (client) =>
        readSettledReplacement<OpenDataReport>(client, owner, 'openData'),
      );
    },
  };
}
