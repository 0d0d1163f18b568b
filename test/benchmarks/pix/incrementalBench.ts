// The incremental copy of one table beside a raw psql COPY pipe. `node test/benchmarks/pix/incrementalBench.ts --help`, or a part of the benchmark of Pix.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { Command } from 'commander';
import { execa } from 'execa';
import pg from 'pg';

import { createClientTools, environmentOf } from '../../../activities/postgres/clientTools.ts';
import { createConnections } from '../../../activities/postgres/connections.ts';
import type { IncrementalCopy, IncrementalTableReport } from '../../../activities/warehouse/incremental/incremental.contract.ts';
import { createIncrementalActivities } from '../../../activities/warehouse/incremental/incrementalActivities.ts';
import { startPostgres } from '../../../deploy/lab/postgres/startPostgres.ts';
import { runActivity } from '../../support/runActivity.ts';
import type { Bench, Section } from '../bench.contract.ts';
import { tellSection } from '../report.ts';
import { ratios } from '../statistics.ts';

const settings = { shared_buffers: '512MB', max_wal_size: '4GB' };
const chunkRows = 200_000;
const columns = `(id bigint primary key, value text not null, result varchar(32), "assessmentId" bigint, "challengeId" varchar(32) not null, "timeSpent" int, "createdAt" timestamptz not null)`;
const rowsOf = (from: number, to: number): string =>
  `select i, 'answer ' || md5(i::text), case i % 3 when 0 then 'ok' else 'ko' end, i / 20, 'rec' || left(md5((i % 900)::text), 14), i % 300, timestamptz '2026-01-01' + i * interval '1 s'
   from generate_series(${from}, ${to}) i`;
/** Two processes and a pipe of the kernel, as the old procedure has it; everything that varies is in the environment. */
const pipe = `PGHOST=$S_PGHOST PGPORT=$S_PGPORT PGUSER=$S_PGUSER PGPASSWORD=$S_PGPASSWORD PGDATABASE=$S_PGDATABASE "$PSQL" -qX -v ON_ERROR_STOP=1 -c "$OUT" |
PGHOST=$T_PGHOST PGPORT=$T_PGPORT PGUSER=$T_PGUSER PGPASSWORD=$T_PGPASSWORD PGDATABASE=$T_PGDATABASE "$PSQL" -qX -v ON_ERROR_STOP=1 -c "$IN"`;

/** New rows of one table with its key and one more index, into a table that has rows; every side adds the same rows to the same state. */
export async function measureIncremental(
  { rounds, directory, say, signal, atEnd }: Bench,
  { rows, existing }: { rows: number; existing: number },
): Promise<Section> {
  const open = async (name: string): Promise<{ url: string; superuser: string; programs: string; version: string }> => {
    const server = await startPostgres({ directory: join(directory, name), settings });
    atEnd(() => server.remove());
    const url = await server.createDatabase({ name, owner: `${name}_owner`, password: 'bench' });
    return { url, superuser: server.url({ database: name }), programs: server.programs, version: server.version };
  };
  const [source, target] = [await open('production'), await open('warehouse')];
  const ask = async (url: string, ...statements: string[]): Promise<Record<string, unknown>[]> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      let found: Record<string, unknown>[] = [];
      for (const statement of statements) found = (await client.query<Record<string, unknown>>(statement)).rows;
      return found;
    } finally {
      await client.end();
    }
  };
  for (const { url } of [source, target])
    await ask(
      url,
      `create table answers ${columns}`,
      `insert into answers ${rowsOf(1, existing)}`,
      'create index on answers ("assessmentId")',
      'vacuum analyze answers',
    );
  const connections = createConnections(async (name) => (name === 'source' ? source.url : target.url));
  const activities = createIncrementalActivities({ connections, tools: createClientTools(source.programs) });
  let runs = 0;
  const ours = async (chunk: number): Promise<IncrementalTableReport> => {
    runs += 1;
    const copy: IncrementalCopy = {
      ...{ replica: 'bench', run: `run-${runs}`, schema: 'public', chunkRows: chunk },
      ...{ source: { name: 'source', url: 'source' }, target: { name: 'target', url: 'target' } },
      tables: [{ name: 'answers', key: 'id', updatedAt: null, deletes: false, extraIndexes: [] }],
    };
    return runActivity(() => activities.copyIncremental({ copy, table: 'answers' }));
  };
  // Yesterday's run, whose state every round begins with; then a day passes.
  await ours(chunkRows);
  await ask(target.url, 'create table base as table answers', 'create table state as table nightshift.incremental_table');
  await ask(source.url, `insert into answers ${rowsOf(existing + 1, existing + rows)}`, 'vacuum analyze answers');
  const raw = async (format: string): Promise<void> => {
    const prefixed = (side: string, url: string): [string, string][] =>
      Object.entries(environmentOf(url)).map(([name, value]) => [`${side}_${name}`, value]);
    await execa('sh', ['-c', pipe], {
      env: {
        ...Object.fromEntries([...prefixed('S', source.url), ...prefixed('T', target.url)]),
        ...{
          PSQL: join(source.programs, 'psql'),
          OUT: `\\copy (select * from answers where id > ${existing}) to stdout${format}`,
          IN: `\\copy answers from stdin${format}`,
        },
      },
    });
  };
  const sides = new Map<string, () => Promise<unknown>>([
    ['psql pipe, text (the seed)', () => raw('')],
    ['psql pipe, binary', () => raw(' with (format binary)')],
    ['ours', () => ours(chunkRows)],
    ['ours, one chunk', () => ours(existing + rows)],
  ]);
  const seconds = new Map([...sides.keys()].map((name) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round += 1)
    for (const [name, fill] of sides) {
      signal.throwIfAborted();
      await ask(
        target.url,
        'truncate answers',
        'insert into answers table base',
        'truncate nightshift.incremental_table',
        'insert into nightshift.incremental_table table state',
        'vacuum analyze answers',
      );
      for (const { superuser } of [source, target]) await ask(superuser, 'checkpoint');
      const beganMs = performance.now();
      await fill();
      const took = (performance.now() - beganMs) / 1000;
      const [found] = await ask(target.url, 'select count(*)::int as count, max(id)::int as last from answers');
      if (found?.['count'] !== existing + rows || found['last'] !== existing + rows)
        throw new Error(`${name}: ${JSON.stringify(found)} after the copy`);
      say(`${round === 0 ? 'warm-up' : `round ${round}`}: ${name} ${took.toFixed(2)} s`);
      if (round > 0) seconds.get(name)?.push(took);
    }
  const of = (name: string): number[] => seconds.get(name) ?? [];
  return {
    title: `Incremental copy, ${rows} new rows above ${existing}`,
    figures: [
      ...[...seconds].map(([what, values]) => ({ what, unit: 's', values })),
      {
        what: 'ours / psql pipe, text (the seed)',
        unit: 'x',
        values: ratios(of('ours'), of('psql pipe, text (the seed)')),
        target: { atMost: 1.05 },
      },
      { what: 'ours / psql pipe, binary', unit: 'x', values: ratios(of('ours'), of('psql pipe, binary')) },
      { what: 'ours / ours, one chunk', unit: 'x', values: ratios(of('ours'), of('ours, one chunk')), target: { atMost: 1.05 } },
    ],
    notes: [
      `PostgreSQL ${target.version} on both sides, loopback, fsync on, a checkpoint before each run; ${Object.entries(settings)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}; a primary key and one index`,
      `ours: the activity without Temporal, chunks of ${chunkRows} rows, each with its mark in the same transaction; inspection of columns, search for late rows and counts of both sides included`,
      'psql pipe: two psql processes and a pipe; nothing is marked, searched or counted',
    ],
  };
}

async function main({ rounds, rows, existing }: { rounds: string; rows: string; existing: string }): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'ns-bench-'));
  const ends: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
  const say = (line: string): void => console.log(line);
  try {
    const { signal } = new AbortController();
    const bench: Bench = { rounds: Number(rounds), directory, say, signal, atEnd: (end) => void ends.push(end) };
    tellSection(await measureIncremental(bench, { rows: Number(rows), existing: Number(existing) }), say);
  } finally {
    for (const end of ends.reverse()) await end().catch((error: unknown) => say(`at the end: ${String(error)}`));
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  await new Command()
    .description('Measures the incremental copy of one table beside raw psql pipes, in alternating runs.')
    .option('--rounds <number>', 'how often each side runs', '5')
    .option('--rows <number>', 'new rows', '1000000')
    .option('--existing <number>', 'rows that are there already', '500000')
    .action(main)
    .parseAsync();
