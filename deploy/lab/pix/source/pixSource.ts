import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Client } from 'pg';

import { learningContentCounts } from '../standIns/learningContent.ts';
import { rangesOf, sourceKinds, tableOfKind, type SourceKind } from './sourceRows.ts';

export interface SourceFill {
  /** Of the owner of the database. */
  url: string;
  /** About so many rows in all tables together. */
  rows: number;
  /** One line for each part. Default: silent. */
  say?: (line: string) => void;
}

const firstDay = '2024-01-08T06:00:00Z';
const lastDay = '2026-11-20T22:00:00Z';
const dayMs = 86_400_000;

/**
 * Makes a Pix production database in an empty one: the tables that replication, enrichment and learning content touch, and others, with all
 * that a dump must carry. The same rows for the same number. One transaction, then ANALYZE. Fails when its tables are there already.
 */
export async function fillPixSource({ url, rows, say = () => undefined }: SourceFill): Promise<{ rows: number }> {
  return inTransaction(url, async (client) => {
    const run = (name: string): Promise<void> => runFile(client, name, say);
    for (const name of ['types', 'tables']) await run(name);
    await makePlan(client, rows, {}, [firstDay, lastDay]);
    for (const name of ['generators', 'people', 'learning', 'positions', 'constraints', 'views']) await run(name);
    return { rows: await countRows(client) };
  });
}

/**
 * A day passes: about `rows` new rows, more in the append-only tables, and in the others some changed and some deleted. May be called again and
 * again. Returns the rows that are there then.
 */
export async function advancePixSource({ url, rows, say = () => undefined }: SourceFill): Promise<{ rows: number }> {
  return inTransaction(url, async (client) => {
    const existing: Partial<Record<SourceKind, number>> = {};
    for (const kind of sourceKinds) {
      const { rows: found } = await client.query<{ last: string }>(`SELECT coalesce(max(id), 0) AS last FROM ${tableOfKind[kind]}`);
      existing[kind] = Number(found[0]?.last);
    }
    const { rows: days } = await client.query<{ last: Date }>('SELECT max("createdAt") AS last FROM public.answers');
    const evening = days[0]?.last ?? new Date(lastDay);
    await makePlan(client, rows, existing, [evening.toISOString(), new Date(evening.getTime() + dayMs).toISOString()]);
    for (const name of ['generators', 'people', 'learning', 'changes', 'positions']) await runFile(client, name, say);
    return { rows: await countRows(client) };
  });
}

async function inTransaction<Result>(url: string, work: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: url, application_name: 'pix source' });
  await client.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    await client.query('ANALYZE');
    return result;
  } finally {
    await client.end();
  }
}

async function runFile(client: Client, name: string, say: (line: string) => void): Promise<void> {
  const beganMs = performance.now();
  await client.query(await readFile(join(import.meta.dirname, `${name}.sql`), 'utf8'));
  say(`pix source: ${name}, ${((performance.now() - beganMs) / 1000).toFixed(1)} s`);
}

/** The temporary table of one row that the SQL files read: numbers of the rows to make, between which moments, and how much content exists. */
async function makePlan(
  client: Client,
  rows: number,
  existing: Partial<Record<SourceKind, number>>,
  [begins, ends]: [string, string],
): Promise<void> {
  const ranges = rangesOf(rows, existing);
  const numbers: Record<string, number> = {};
  for (const kind of sourceKinds) {
    numbers[`${kind}_first`] = ranges[kind].first;
    numbers[`${kind}_last`] = ranges[kind].last;
  }
  const { skills, competences, challenges } = learningContentCounts(1);
  Object.assign(numbers, { skills, competences, challenges });
  const columns = Object.entries(numbers).map(([name, value]) => `${value}::bigint AS ${name}`);
  columns.push(`'${begins}'::timestamptz AS begins`, `'${ends}'::timestamptz AS ends`);
  await client.query(`CREATE TEMPORARY TABLE plan ON COMMIT DROP AS SELECT ${columns.join(', ')}`);
}

async function countRows(client: Client): Promise<number> {
  const counts = sourceKinds.map((kind) => `SELECT count(*) AS rows FROM ${tableOfKind[kind]}`);
  const { rows } = await client.query<{ sum: string }>(`SELECT sum(rows) FROM (${counts.join(' UNION ALL ')}) AS counted`);
  return Number(rows[0]?.sum);
}
