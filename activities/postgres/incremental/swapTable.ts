import { setTimeout as pause } from 'node:timers/promises';

import type pg from 'pg';

import { failure } from '../../failure.ts';
import { dependentsOf } from '../beside/dependents.ts';
import { grantsLike } from '../beside/grants.ts';
import { applicationOf } from '../beside/snapshot.ts';
import type { Connections } from '../connections.ts';
import { literal, qualified, quoted } from '../identifiers.ts';
import { defaultGrants } from '../learningContent/defaultGrants.ts';
import { loadSchemas } from './defineTable.ts';
import type { IncrementalCopy } from './incremental.contract.ts';
import { moveState, readState, type TableAddress } from './state.ts';

const { load, retired } = loadSchemas;
/** Below the second after which a server looks for deadlocks: we give way before it could choose a reader. */
const lockMs = 700;

/**
 * Takes a loaded table into use: grants, views of other people and the table's state follow it, the former one is dropped, all in one transaction that
 * gives way to readers. Fails with BesideNotPossible when anything but views hangs on the former one, TargetBusy. Repeatable: a done swap is nothing to do.
 */
export async function swapTable(
  { session }: Connections,
  copy: IncrementalCopy,
  { address, limitSeconds, signal }: { address: TableAddress; limitSeconds: number; signal: AbortSignal },
): Promise<{ rebound: string[] }> {
  return session(copy.target, { application: applicationOf(copy, `swap ${address.table}`), signal }, async (target) => {
    await target.query("set search_path = ''");
    const deadlineMs = performance.now() + limitSeconds * 1000;
    for (let tries = 1; ; tries += 1) {
      await target.query('begin');
      try {
        const rebound = await swapOnce(target, copy, address);
        await target.query('commit');
        return { rebound };
      } catch (error) {
        await target.query('rollback');
        const { code } = error as { code?: string };
        if (!code || !['55P03', '40P01'].includes(code) || signal.aborted) throw error;
        if (performance.now() > deadlineMs)
          throw failure(
            'TargetBusy',
            `no moment within ${limitSeconds} s in which ${address.table} was free; ${await holdersInWords(target, copy.schema, address.table)}`,
          );
        await pause(Math.min(200 * tries, 3_000), undefined, { signal });
      }
    }
  });
}

async function swapOnce(target: pg.Client, copy: IncrementalCopy, address: TableAddress): Promise<string[]> {
  const { schema } = copy;
  const { table } = address;
  if (!(await readState(target, address, { lock: true }))) return [];
  const { rows: found } = await target.query<{ oid: string }>('select to_regclass($1)::oid::bigint::text as oid', [
    qualified(schema, table),
  ]);
  const oid = found[0]?.oid ?? null;
  const views = oid === null ? [] : await viewsOn(target, table, Number(oid));
  await target.query(`set local lock_timeout = ${lockMs}`);
  if (oid !== null) {
    await target.query(`lock table ${[qualified(schema, table), ...views.map(({ name }) => name)].join(', ')} in access exclusive mode`);
    for (const sql of await grantsLike(target, { from: schema, to: load })) await target.query(sql);
    await target.query(`create schema ${quoted(retired)}`);
    await target.query(`alter table ${qualified(schema, table)} set schema ${quoted(retired)}`);
  }
  if (oid === null) for (const sql of await defaultGrants(target, { schema, workSchema: load, tables: [table] })) await target.query(sql);
  await target.query(`alter table ${qualified(load, table)} set schema ${quoted(schema)}`);
  for (const { name, sql } of views) {
    try {
      await target.query(sql);
    } catch (error) {
      throw failure(
        'BesideNotPossible',
        `view ${name} of other people cannot be bound to the new table: ${(error as Error).message}`,
        {},
        error,
      );
    }
  }
  if (oid !== null) {
    await target.query(`drop table ${qualified(retired, table)}`);
    await target.query(`drop schema ${quoted(retired)}`);
  }
  await moveState(target, address, schema);
  return views.map(({ name }) => name);
}

async function viewsOn(target: pg.ClientBase, table: string, oid: number): Promise<{ name: string; sql: string }[]> {
  const { rows: catalog } = await target.query<{ id: number }>("select 'pg_class'::regclass::oid::int as id");
  const dependents = await dependentsOf(target, [{ kind: 'table', name: table, args: '', classId: catalog[0]?.id ?? 0, oid }]);
  const stuck = dependents.filter(({ relkind }) => relkind !== 'v').map(({ what }) => what);
  if (stuck.length > 0)
    throw failure('BesideNotPossible', `these depend on table ${table}, which would be replaced: ${stuck.slice(0, 20).join('; ')}`);
  const { rows } = await target.query<{ name: string; sql: string }>(
    `select v.oid::regclass::text as name, 'create or replace view ' || v.oid::regclass::text
        || case when v.reloptions is null then '' else ' with (' || array_to_string(v.reloptions, ', ') || ')' end || ' as ' || pg_get_viewdef(v.oid) as sql
     from pg_class v where v.oid = any($1::bigint[]::oid[]) order by v.oid`,
    [dependents.map((each) => each.oid)],
  );
  return rows;
}

async function holdersInWords(target: pg.Client, schema: string, table: string): Promise<string> {
  const { rows } = await target.query<{ who: string }>(
    `select format('pid %s (%s, %s, %s)', a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'no name'), a.state) as who
     from pg_locks l join pg_stat_activity a using (pid) where l.relation = ${literal(qualified(schema, table))}::regclass and l.granted and a.pid <> pg_backend_pid() limit 10`,
  );
  return rows.length === 0 ? 'no session holds it now' : `held by ${rows.map(({ who }) => who).join('; ')}`;
}
