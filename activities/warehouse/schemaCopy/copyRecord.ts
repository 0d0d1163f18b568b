import type pg from 'pg';

import type { CopiedSchema, SchemaCopy } from './schemaCopy.contract.ts';
import { ownSchemas, type ReplicaRun } from '../warehouse.contract.ts';
import { failure } from '../../failure.ts';
import type { Connections } from '../../postgres/connections.ts';
import { ensureReplacements, readReplacement, writeReplacement } from '../replacementRecord.ts';

const application = 'nightshift schema copy record';

/**
 * What a copy leaves in its own transaction is the tables themselves: each is dropped and made anew, so that it has another object number. Those that were there
 * before are written down in the warehouse; the other database gets nothing of ours.
 */
interface CopyRecord {
  /** Object numbers by name, of what the warehouse has; null: the other database had no such table. */
  before: Record<string, string | null>;
  report: CopiedSchema;
}

/** Before the script is played. Answers false where the warehouse takes no record (its user may not make one, or it is a standby): then nobody can say afterwards what became of the copy. */
export async function recordCopy(
  { session }: Connections,
  { source, target }: SchemaCopy,
  owner: ReplicaRun,
  report: CopiedSchema,
  signal: AbortSignal,
): Promise<boolean> {
  return session(source, { application, signal }, async (warehouse) => {
    const names = await relationsOf(warehouse);
    const there = await session(target, { application, signal }, relationsOf);
    const before = Object.fromEntries([...names.keys()].map((name) => [name, there.get(name) ?? null]));
    try {
      await ensureReplacements(warehouse);
      await writeReplacement(warehouse, owner, 'schemaCopy', { before, report } satisfies CopyRecord);
      return true;
    } catch (error) {
      if (!['42501', '25006'].includes((error as { code?: string }).code ?? '')) throw error;
      return false;
    }
  });
}

/** The run's own copy when it was made, else null; `known` is false where the warehouse takes no record. */
export async function findSchemaCopy(
  { session }: Connections,
  { source, target }: SchemaCopy,
  owner: ReplicaRun,
  signal: AbortSignal,
): Promise<{ known: boolean; report: CopiedSchema | null }> {
  const { record, known } = await session(source, { application, signal }, async (warehouse) => ({
    record: await readReplacement<CopyRecord>(warehouse, owner, 'schemaCopy'),
    known: await mayRecord(warehouse),
  }));
  // It is written before the script is played: without it nothing was.
  if (record === null) return { known, report: null };
  const { before, report } = record;
  const made = await session(target, { application, signal }, async (client) => {
    await awaitLocks(client, Object.keys(before));
    const now = await relationsOf(client);
    return Object.entries(before).some(([name, oid]) => (now.get(name) ?? null) !== oid);
  });
  return { known: true, report: made ? report : null };
}

export async function readSchemaCopyOf(
  connections: Connections,
  copy: SchemaCopy,
  owner: ReplicaRun,
  signal: AbortSignal,
): Promise<CopiedSchema | null> {
  const { known, report } = await findSchemaCopy(connections, copy, owner, signal);
  if (known) return report;
  throw failure(
    'PostgresFailed',
    `the ${copy.source.name} has no record of copies: its user may not make schema ${ownSchemas.bookkeeping} there, or it is a standby`,
  );
}

/** A copy that is just ending holds its tables: waits for it, at most 20 s (then PostgresBusy: lock not available). */
async function awaitLocks(client: pg.ClientBase, names: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and format('%I.%I', n.nspname, c.relname) = any($1::text[]) limit 1`,
    [names],
  );
  const [held] = rows;
  if (!held) return;
  await client.query(`begin; set local lock_timeout = '20s'`);
  await client.query(`lock table ${held.name} in access share mode`).catch((error: unknown) => {
    // Dropped while we waited, and made anew under its name.
    if (!['42P01', 'XX000'].includes((error as { code?: string }).code ?? '')) throw error;
  });
  await client.query('rollback');
}

async function mayRecord(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean }>(
    `select not pg_is_in_recovery() and (to_regclass('${ownSchemas.bookkeeping}.replacement') is not null or has_database_privilege(current_database(), 'create')) as may`,
  );
  return rows[0]?.may === true;
}

/** Tables and views by name, with their object numbers. */
async function relationsOf(client: pg.ClientBase): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; oid: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name, c.oid::bigint::text as oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> all($1::text[])
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')`,
    [Object.values(ownSchemas)],
  );
  return new Map(rows.map(({ name, oid }) => [name, oid]));
}
