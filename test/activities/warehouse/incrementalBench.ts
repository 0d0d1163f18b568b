import { createClientTools } from '../../../activities/postgres/clientTools.ts';
import { createConnections } from '../../../activities/postgres/connections.ts';
import type { IncrementalCopy, IncrementalTableSetting } from '../../../activities/warehouse/incremental/incremental.contract.ts';
import { createIncrementalActivities } from '../../../activities/warehouse/incremental/incrementalActivities.ts';
import { compareTables } from '../../../deploy/lab/postgres/compareTables.ts';
import { tool } from '../../../deploy/setup/tools.ts';
import { openBesideBench, type BesideBench } from '../../support/besideBench.ts';
import { activityRunner, beginActivity } from '../../support/runActivity.ts';
import { waitUntil } from '../../support/waitUntil.ts';

/** A source and a warehouse on a real server, and the activities of the incremental copy, called without a workflow. */
export interface IncrementalBench extends Pick<BesideBench, 'sql' | 'connect' | 'end' | 'urls'> {
  act: ReturnType<typeof activityRunner<ReturnType<typeof createIncrementalActivities>>>;
  beside: BesideBench;
  /** A run of its own each time, over tables with their defaults or the given settings. */
  copy: (tables: Record<string, Partial<IncrementalTableSetting>>, changes?: Partial<IncrementalCopy>) => IncrementalCopy;
  /** Copies one table up to this key, where the target takes no row until the copy is cancelled. Answers what became of it. */
  interruptAt: (copy: IncrementalCopy, table: string, key: string) => Promise<unknown>;
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
    async interruptAt(copy, table, key) {
      const holder = await connect('target');
      try {
        await sql(
          'target',
          `create function held() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(4711); return new; end $$;
           create trigger held before insert on "${table}" for each row when (new.id = ${key}) execute function held()`,
        );
        await holder.query('select pg_advisory_lock(4711)');
        const { result, cancel } = beginActivity(() => activities.copyIncremental({ copy, table }));
        const ended = result.catch((error: unknown) => error);
        let hasEnded = false;
        void ended.then(() => (hasEnded = true));
        await waitUntil(
          'the copy is held',
          async () => hasEnded || (await sql('target', `select from pg_locks where locktype = 'advisory' and not granted`)).length > 0,
        );
        cancel();
        return await ended;
      } finally {
        await holder.end();
        await sql('target', `drop trigger if exists held on "${table}"; drop function if exists held()`);
      }
    },
    async equal(table) {
      const [compared] = await compareTables({ ...urls, tables: [table] });
      return compared?.equal === true;
    },
  };
}
