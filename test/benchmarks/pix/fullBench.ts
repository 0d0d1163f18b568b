import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';
import pg from 'pg';

import { environmentOf } from '../../../activities/postgres/clientTools.ts';
import { qualified, quoted } from '../../../activities/postgres/identifiers.ts';
import type { PixLab } from '../../../deploy/lab/pix/pixLab.ts';
import { compareTables } from '../../../deploy/lab/postgres/compareTables.ts';
import { pixSourceTables } from '../../../deploy/lab/pix/source/sourceRows.ts';
import { findDebianPostgres } from '../../../deploy/setup/debianPostgres.ts';
import type { FullReplicationReport } from '../../../workflows/pix/fullReplication.contract.ts';
import { enrichmentOfUpstream } from '../../../workflows/pix/replica.schema.ts';
import type { Bench, Figure, Section } from '../bench.contract.ts';
import { phasesOf } from '../phases.ts';
import { ratios } from '../statistics.ts';
import { openChain, type PixChain } from './pixChainBench.ts';

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
/** The same for every side; no durability is switched off. */
const settings = { shared_buffers: '512MB', max_wal_size: '4GB', maintenance_work_mem: '512MB' };
const jobs = 2;

interface Side {
  name: string;
  /** Fills the empty warehouse. */
  fill: (targetUrl: string) => Promise<void>;
}

/**
 * Full replication of one source into an empty warehouse: ours through Temporal, the seed's method (custom-format dump to a file, restore with jobs) and pgcopydb.
 * Every side ends with all indexes, keys and foreign keys, the enrichment indexes, and every table counted.
 */
export async function measureFull(bench: Bench, { rows }: { rows: number }): Promise<Section> {
  const { rounds, directory, say, signal } = bench;
  const tools = findDebianPostgres();
  // pgcopydb of Debian speaks to servers up to 16: both servers are 15 where it is there.
  const chain = await openChain(bench, 'full', { rows, settings, ...(tools ? { version: '15' as const } : {}) });
  const { lab } = chain;
  const reports: FullReplicationReport[] = [];
  const sides = await sidesOf(chain, directory, tools, (report) => reports.push(report));
  const seconds = new Map(sides.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round += 1)
    for (const side of sides) {
      signal.throwIfAborted();
      await emptyWarehouse(lab);
      const beganMs = performance.now();
      await side.fill(lab.targetUrl);
      await countAll(lab.targetUrl);
      const took = (performance.now() - beganMs) / 1000;
      say(`${round === 0 ? 'warm-up' : `round ${round}`}: ${side.name} ${took.toFixed(1)} s`);
      if (round > 0) seconds.get(side.name)?.push(took);
      if (round === 0) await prove(lab, side.name);
      await pause(500);
    }
  const [{ size = '' } = {}] = (await query(lab.sourceUrl, 'select pg_size_pretty(pg_database_size(current_database())) as size')) as {
    size?: string;
  }[];
  const ours = seconds.get('ours') ?? [];
  const seed = seconds.get('seed') ?? [];
  const pgcopydb = seconds.get('pgcopydb');
  return {
    title: `Full replication, ${rows} rows, ${size} with indexes`,
    figures: [
      ...[...seconds].map(([name, values]) => ({ what: name, unit: 's', values })),
      { what: 'seed / ours', unit: 'x', values: ratios(seed, ours), target: { atLeast: 2.2 } },
      ...phaseFigures(reports.slice(1)),
      ...(pgcopydb ? [{ what: 'ours / pgcopydb', unit: 'x', values: ratios(ours, pgcopydb), target: { atMost: 1 } }] : []),
    ],
    notes: [
      `PostgreSQL ${lab.source.version} on both sides, loopback, warm cache, fsync on; ${Object.entries(settings)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}`,
      `ours: pixFullReplication through a Temporal dev server and a worker process, ${jobs} at once; snapshot, verification, ANALYZE and swap included`,
      'seed: pg_dump --format c to a file, pg_restore --jobs 4, then the enrichment indexes by psql',
      `pgcopydb: clone --table-jobs ${jobs} --index-jobs ${jobs}, then the enrichment indexes by psql${pgcopydb ? '' : '; NOT MEASURED: not installed (Debian package pgcopydb)'}`,
      'every side: foreign keys made and valid, every table of the warehouse counted at the end; equality by digest checked in the warm-up round, outside the time',
    ],
  };
}

/** Phases overlap: a table's indexes are built while others are copied. */
function phaseFigures(reports: readonly FullReplicationReport[]): Figure[] {
  const named = new Set(enrichmentOfUpstream.map(({ name }) => name));
  const enrichment = reports.map(({ steps }) =>
    steps.filter(({ id }) => named.has(id.replace(/^index\//, ''))).reduce((sum, { seconds = 0 }) => sum + seconds, 0),
  );
  return [
    ...phasesOf(reports[0]?.steps ?? []).map(({ name }) => ({
      what: `  ours, phase ${name}`,
      unit: 's',
      values: reports.map(({ steps }) => phasesOf(steps).find((each) => each.name === name)?.seconds ?? 0),
    })),
    { what: '  ours, enrichment indexes of large tables, sum', unit: 's', values: enrichment },
  ];
}

async function sidesOf(
  { lab, run: runWorkflow }: PixChain,
  directory: string,
  debian: string | null,
  onReport: (report: FullReplicationReport) => void,
): Promise<Side[]> {
  await lab.describeReplica('pix', { foreignKeys: true, full: { atOnceMax: jobs, indexMemoryMegabytes: 512 } });
  const run = async (program: string, args: string[], url?: string, more: Record<string, string> = {}): Promise<void> => {
    await execa(join(lab.target.programs, program), args, { env: { ...(url ? environmentOf(url) : {}), ...more }, stdin: 'ignore' });
  };
  const enrich = async (targetUrl: string): Promise<void> => {
    for (const { name, table, on } of enrichmentOfUpstream)
      await run(
        'psql',
        ['--quiet', '-v', 'ON_ERROR_STOP=1', '--command', `create index ${quoted(name)} on ${qualified('public', table)} ${on}`],
        targetUrl,
      );
  };
  const dump = join(directory, 'dump.pgsql');
  const ours: Side = {
    name: 'ours',
    async fill() {
      const report = await runWorkflow<FullReplicationReport>('pixFullReplication');
      if (report.check.differences.length > 0) throw new Error(report.check.differences.join());
      onReport(report);
    },
  };
  const seed: Side = {
    name: 'seed',
    async fill(targetUrl) {
      await run('pg_dump', ['--format', 'c', '--no-owner', '--no-privileges', '--file', dump], lab.sourceUrl);
      await run('pg_restore', ['--jobs', '4', '--no-owner', '--dbname', new URL(targetUrl).pathname.slice(1), dump], targetUrl);
      await rm(dump);
      await enrich(targetUrl);
    },
  };
  if (debian === null) return [ours, seed];
  const pgcopydb: Side = {
    name: 'pgcopydb',
    async fill(targetUrl) {
      const work = join(directory, 'pgcopydb');
      await mkdir(work, { recursive: true });
      await execa(
        'pgcopydb',
        [
          'clone',
          '--table-jobs',
          String(jobs),
          '--index-jobs',
          String(jobs),
          '--no-owner',
          '--no-acl',
          '--dir',
          work,
          '--restart',
          '--not-consistent',
        ],
        {
          env: {
            PGCOPYDB_SOURCE_PGURI: lab.sourceUrl,
            PGCOPYDB_TARGET_PGURI: targetUrl,
            PATH: `${lab.target.programs}:${process.env.PATH ?? ''}`,
          },
          stdin: 'ignore',
        },
      );
      await rm(work, { recursive: true, force: true });
      await enrich(targetUrl);
    },
  };
  return [ours, seed, pgcopydb];
}

/** The same empty database for every side, and the dirt of the former one written out. */
async function emptyWarehouse({ target }: PixLab): Promise<void> {
  const client = new pg.Client({ connectionString: target.url() });
  await client.connect();
  await client.query('drop database if exists warehouse with (force)');
  await client.query('create database warehouse owner warehouse_owner');
  await client.query('checkpoint');
  await client.end();
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end();
  }
}

async function countAll(url: string): Promise<void> {
  for (const table of pixSourceTables) await query(url, `select count(*) from ${qualified('public', table)}`);
}

async function prove({ sourceUrl, targetUrl }: PixLab, side: string): Promise<void> {
  const compared = await compareTables({ source: sourceUrl, target: targetUrl, tables: [...pixSourceTables] });
  const different = compared.filter(({ equal }) => !equal).map(({ table }) => table);
  if (different.length > 0) throw new Error(`${side}: tables differ from the source: ${different.join(', ')}`);
}
