import { readFile, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type pg from 'pg';

import { type BesideCopy } from './beside/beside.contract.ts';
import { applicationOf } from './sessionNames.ts';
import type { Connections } from '../postgres/connections.ts';
import { type RoomLimits, ownSchemas } from './warehouse.contract.ts';

export interface RoomFindings {
  faults: string[];
  warnings: string[];
}

const inWords = (bytes: number): string => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** Compares what a replacement needs with the room there is, and reports both numbers; room that nobody can know is reported too. */
export async function findRoom(
  { session }: Connections,
  copy: BesideCopy,
  { targetBytesMax = null }: Partial<RoomLimits>,
  { inPlace, signal }: { inPlace: boolean; signal: AbortSignal },
): Promise<RoomFindings> {
  const application = applicationOf(copy, 'room');
  const { tables, total } = await session(copy.source, { application, signal }, (client) => sizesOf(client, copy));
  return session(copy.target, { application, signal }, async (client) => {
    const freed = inPlace ? (await sizesOf(client, copy)).total : await ownSchemaBytes(client);
    const needed = Math.max(0, total - freed);
    const what = `a copy of ${tables} tables needs ${inWords(needed)} more on the target`;
    const [faults, warnings]: [string[], string[]] = [[], []];
    if (targetBytesMax !== null) {
      const { bytes, unknown } = await databasesOf(client);
      if (bytes + needed > targetBytesMax)
        faults.push(`target: ${what}, its databases have ${inWords(bytes)} of ${inWords(targetBytesMax)} (limits.targetBytesMax)`);
      if (unknown > 0) warnings.push(`target: the size of ${unknown} databases is not known and not counted against limits.targetBytesMax`);
    }
    const free = await freeBytesOf(client);
    if (free !== null && free < needed) faults.push(`target: ${what}, its disk has ${inWords(free)} free`);
    if (free === null && targetBytesMax === null)
      warnings.push(`target: it is not known whether there is room (${what}); set limits.targetBytesMax`);
    return { faults, warnings };
  });
}

/** For the dump of a replacement in place: the worker's own disk. */
export async function findWorkRoom(
  { session }: Connections,
  copy: BesideCopy,
  { dumpShare = 0.5 }: Partial<RoomLimits>,
  { workDirectory, signal }: { workDirectory: string; signal: AbortSignal },
): Promise<RoomFindings> {
  const { data } = await session(copy.source, { application: applicationOf(copy, 'room'), signal }, (client) => sizesOf(client, copy));
  const needed = Math.round(data * dumpShare);
  const free = await freeBytesAt(workDirectory);
  if (free >= needed) return { faults: [], warnings: [] };
  const told = `the dump needs about ${inWords(needed)} (limits.dumpShare ${dumpShare} of ${inWords(data)} of rows)`;
  return { faults: [`worker: ${told}, the work directory has ${inWords(free)} free`], warnings: [] };
}

async function sizesOf(client: pg.ClientBase, { schema, kept }: BesideCopy): Promise<{ tables: number; data: number; total: number }> {
  const { rows } = await client.query<{ tables: number; data: string | null; total: string | null }>(
    `select count(*)::int as tables, sum(pg_table_size(c.oid)) as data, sum(pg_total_relation_size(c.oid)) as total
     from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relkind in ('r', 'm') and c.relname <> all($2::text[])`,
    [schema, kept],
  );
  const [{ tables = 0, data = '0', total = '0' } = {}] = rows;
  return { tables, data: Number(data ?? 0), total: Number(total ?? 0) };
}

/** What a copy beside drops before it begins. */
async function ownSchemaBytes(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ bytes: string | null }>(
    `select sum(pg_total_relation_size(c.oid)) as bytes from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = any($1::text[]) and c.relkind in ('r', 'm')`,
    [[ownSchemas.next, ownSchemas.previous]],
  );
  return Number(rows[0]?.bytes ?? 0);
}

async function databasesOf(client: pg.ClientBase): Promise<{ bytes: number; unknown: number }> {
  const { rows } = await client.query<{ bytes: string | null; unknown: number }>(
    `select sum(case when has_database_privilege(oid, 'connect') then pg_database_size(oid) end) as bytes,
       count(*) filter (where not has_database_privilege(oid, 'connect'))::int as unknown from pg_database`,
  );
  return { bytes: Number(rows[0]?.bytes ?? 0), unknown: rows[0]?.unknown ?? 0 };
}

/**
 * Free bytes where the target's database lies; null when that cannot be known: the server hides its data directory from the user, or lies elsewhere. That
 * it is this machine's is proven by the start time in the server's own lock file.
 */
async function freeBytesOf(client: pg.ClientBase): Promise<number | null> {
  const { rows } = await client.query<{ data: string | null; tablespace: string; started: string }>(
    `select (select setting from pg_settings where name = 'data_directory') as data, extract(epoch from pg_postmaster_start_time())::bigint as started,
       pg_tablespace_location((select dattablespace from pg_database where datname = current_database())) as tablespace`,
  );
  const [row] = rows;
  if (!row?.data) return null;
  try {
    const lock = (await readFile(join(row.data, 'postmaster.pid'), 'utf8')).split('\n');
    if (Math.abs(Number(lock[2]) - Number(row.started)) > 2) return null;
    return await freeBytesAt(row.tablespace === '' ? row.data : row.tablespace);
  } catch {
    return null;
  }
}

/** Of the nearest folder that exists. */
async function freeBytesAt(path: string): Promise<number> {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { bavail, bsize } = await statfs(at);
      return bavail * bsize;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || at === dirname(at)) throw error;
    }
  }
}
