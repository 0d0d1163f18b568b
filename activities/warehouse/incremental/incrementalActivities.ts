import { cancellationSignal } from '@temporalio/activity';

import { withHeartbeat } from '../../tools/withHeartbeat.ts';
import { applicationOf } from '../sessionNames.ts';
import type { ClientTools } from '../../postgres/clientTools.ts';
import type { Connections } from '../../postgres/connections.ts';
import { copyIncrementalOf } from './copyTable.ts';
import type { IncrementalActivities } from './incremental.contract.ts';
import { dropForeignKeysOf, inspectIncrementalOf } from './inspectTables.ts';
import { discardLoadOf, loadIncrementalOf } from './loadTable.ts';
import { readIncrementalProgressOf } from './progress.ts';
import { recordTablesOf } from './recordTables.ts';
import type { TableProgress } from './tableWork.ts';

const begun = (table: string): TableProgress => ({ table, phase: 'begin', rows: 0, chunks: 0, key: null });

/** Append-only tables carried on by key, with checkpoints in the target and a safe horizon on the source. */
export function createIncrementalActivities({
  connections,
  tools,
}: {
  connections: Connections;
  tools: ClientTools;
}): IncrementalActivities {
  return {
    async inspectIncremental({ copy }) {
      let table = '';
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({ table }),
        () => inspectIncrementalOf(connections, copy, signal, (each) => (table = each)),
      );
    },
    async copyIncremental({ copy, table }) {
      const progress = begun(table);
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({ ...progress }),
        () => copyIncrementalOf(connections, copy, { table, signal, progress }),
      );
    },
    async loadIncremental({ copy, ...options }) {
      const progress = begun(options.table);
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({ ...progress }),
        () => loadIncrementalOf(connections, tools, copy, { ...options, signal, progress }),
      );
    },
    async discardIncrementalLoad({ copy }) {
      await withHeartbeat(
        () => ({}),
        () => discardLoadOf(connections, copy, applicationOf(copy, 'discard')),
      );
    },
    async dropIncrementalForeignKeys({ copy }) {
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({}),
        () => dropForeignKeysOf(connections, copy, signal),
      );
    },
    async recordIncremental({ copy }) {
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({}),
        () => recordTablesOf(connections, copy, signal),
      );
    },
    async readIncrementalProgress({ copy }) {
      return readIncrementalProgressOf(connections, copy);
    },
  };
}
