import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';

import { createBesideActivities } from '../../activities/warehouse/beside/besideActivities.ts';
import type {
  BesideCopy,
  BesideInspection,
  BesidePlan,
  HeldSnapshot,
  ReplicaCheck,
  SwapReport,
} from '../../activities/warehouse/beside/beside.contract.ts';
import { createClientTools } from '../../activities/postgres/clientTools.ts';
import { createConnections } from '../../activities/postgres/connections.ts';
import { withoutDurability, type PostgresServer, type PostgresVersion } from '../../deploy/lab/postgres/postgres.contract.ts';
import { startPostgres } from '../../deploy/lab/postgres/startPostgres.ts';
import { tool } from '../../deploy/setup/tools.ts';
import { askPostgres } from './askPostgres.ts';
import { endings, type Endings } from './endings.ts';
import { activityRunner } from './runActivity.ts';

/** One or two servers with a source and a warehouse, and the activities of the copy beside, called without a workflow. */
export interface BesideBench {
  servers: { source: PostgresServer; target: PostgresServer };
  urls: { source: string; target: string };
  act: ReturnType<typeof activityRunner<ReturnType<typeof createBesideActivities>>>;
  copy: (run: string, changes?: Partial<BesideCopy>) => BesideCopy;
  sql: <Row extends object = Record<string, unknown>>(side: 'source' | 'target', text: string, values?: unknown[]) => Promise<Row[]>;
  /** A session that the caller ends. */
  connect: (side: 'source' | 'target') => Promise<pg.Client>;
  /** Everything up to the swap. */
  build: (copy: BesideCopy) => Promise<{ inspection: BesideInspection; snapshot: HeldSnapshot; plan: BesidePlan; check: ReplicaCheck }>;
  /** The whole night. */
  replicate: (copy: BesideCopy) => Promise<SwapReport>;
  end: () => Promise<void>;
}

interface Versions {
  source?: PostgresVersion;
  target?: PostgresVersion;
}

export async function openBesideBench(versions: Versions = {}): Promise<BesideBench> {
  const { atEnd, end } = endings();
  try {
    return await openBench(versions, { atEnd, end });
  } catch (error) {
    await end().catch(() => undefined);
    throw error;
  }
}

async function openBench(
  { source: sourceVersion = '18', target: targetVersion = '18' }: Versions,
  { atEnd, end }: Endings,
): Promise<BesideBench> {
  const directory = await mkdtemp(join(tmpdir(), 'ns-beside-'));
  atEnd(() => rm(directory, { recursive: true, force: true }));
  const open = async (name: string, version: PostgresVersion): Promise<PostgresServer> => {
    const server = await startPostgres({ directory: join(directory, name), version, settings: withoutDurability });
    atEnd(() => server.remove());
    return server;
  };
  const source = await open('one', sourceVersion);
  const target = sourceVersion === targetVersion ? source : await open('two', targetVersion);
  const urls = {
    source: await source.createDatabase({ name: 'production', owner: 'production_owner', password: 'canary-1' }),
    target: await target.createDatabase({ name: 'warehouse', owner: 'warehouse_owner', password: 'canary-2' }),
  };
  const connections = createConnections(async (name) => (name === 'source' ? urls.source : urls.target));
  const act = activityRunner(createBesideActivities({ connections, tools: createClientTools(await tool('postgres')) }));
  const connect = async (side: 'source' | 'target'): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: urls[side] });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const bench: BesideBench = {
    ...{ servers: { source, target }, urls, act, connect },
    copy: (run, changes = {}) => ({
      ...{ replica: 'test', run, schema: 'public', kept: [], foreignKeys: true, extraIndexes: [], compatibilityViews: [] },
      ...{ source: { name: 'source', url: 'source' }, target: { name: 'target', url: 'target' } },
      ...changes,
    }),
    sql: (side, text, values) => askPostgres(urls[side], text, values),
    async build(copy) {
      const inspection = await act('inspectBeside', { copy });
      const snapshot = await act('holdSnapshot', { copy, limitSeconds: 3600, idleSeconds: 600 });
      const plan = await act('defineBeside', { copy, snapshot, sharedTypes: inspection.sharedTypes });
      for (const item of plan.copies) await act('copyTables', { copy, snapshot, item });
      for (const item of [...plan.indexes, ...plan.attaches, ...plan.analyze, ...plan.foreignKeys, ...plan.finish])
        await act('runStatements', { copy, item, memoryMegabytes: 64, workers: 0 });
      await act('setSequences', { copy, snapshot });
      const indexes = plan.indexes.reduce((sum, { statements }) => sum + statements.length, 0);
      const check = await act('verifyBeside', { copy, plan: { indexes, foreignKeys: plan.foreignKeys.length } });
      return { inspection, snapshot, plan, check };
    },
    async replicate(copy) {
      await bench.build(copy);
      const swap = await act('swapBeside', { copy, limitSeconds: 300 });
      await act('releaseSnapshot', { copy });
      await act('discardBeside', { copy });
      return swap;
    },
    end,
  };
  atEnd(() => act('releaseSnapshot', { copy: bench.copy('end') }).catch(() => undefined));
  return bench;
}
