import { setTimeout as pause } from 'node:timers/promises';

import { createClientTools } from '../../../activities/postgres/clientTools.ts';
import { createConnections } from '../../../activities/postgres/connections.ts';
import type { IncrementalCopy, IncrementalTableSetting } from '../../../activities/postgres/incremental/incremental.contract.ts';
import { createIncrementalActivities } from '../../../activities/postgres/incremental/incrementalActivities.ts';
import { compareTables } from '../../../deploy/lab/postgres/compareTables.ts';
import { tool } from '../../../deploy/setup/tools.ts';
import { openBesideBench, type BesideBench } from '../../support/besideBench.ts';
import { activityRunner, beginActivity } from '../../support/runActivity.ts';

/** A source and a warehouse on a real server, and the activities of the incremental copy, called without a workflow. */
export interface IncrementalBench extends Pick<BesideBench, 'sql' | 'connect' | 'end' | 'urls'> {
  act: ReturnType<typeof activityRunner<ReturnType<typeof createIncrementalActivities>>>;
  beside: BesideBench;
  /** A run of its own each time, over tables with their defaults or the given settings. */
  copy: (tables: Record<string, Partial<IncrementalTableSetting>>, changes?: Partial<IncrementalCopy>) => IncrementalCopy;
  /** Begins the copy of one table and cancels it when `when` holds. Answers what became of it. */
  interrupt: (copy: IncrementalCopy, table: string, when: () => Promise<boolean>) => Promise<unknown>;
  /** Whether the table is the same on both sides, row by row. */
  equal: (table: string) => Promise<boolean>;
}

export async function openIncrementalBench(): Promise<IncrementalBench> {
  const beside = await openBesideBench();
  const { sql, connect, end, urls } = beside;
  const connections = createConnections(async (name) => (name === 'source' ? urls.source : urls.target));
  const activities = createIncrementalActivities({ connections, tools: createClientTools(await tool('postgres')) });
  let runs = 0;
  return {
    ...{ sql, connect, end, urls, beside },
    act: activityRunner(activities),
    copy(tables, changes = {}) {
      runs += 1;
      return {
        ...{ replica: 'test', run: `run-${runs}`, schema: 'public', chunkRows: 100 },
        ...{ source: { name: 'source', url: 'source' }, target: { name: 'target', url: 'target' } },
        tables: Object.entries(tables).map(([name, setting]) => ({
          ...{ name, key: 'id', updatedAt: null, deletes: false, extraIndexes: [] },
          ...setting,
        })),
        ...changes,
      };
    },
    async interrupt(copy, table, when) {
      const { result, cancel } = beginActivity(() => activities.copyIncremental({ copy, table }));
      while (!(await when())) await pause(5);
      cancel();
      return result.catch((error: unknown) => error);
    },
    async equal(table) {
      const [compared] = await compareTables({ ...urls, tables: [table] });
      return compared?.equal === true;
    },
  };
}
