import { setTimeout as pause } from 'node:timers/promises';

import type pg from 'pg';

import { failure } from '../../failure.ts';
import { grantsLike } from '../swap/grants.ts';
import { applicationOf } from '../beside/snapshot.ts';
import type { Connections } from '../connections.ts';
import { literal, qualified, quoted } from '../identifiers.ts';
import { defaultGrants } from '../swap/defaultGrants.ts';
import { bindAgain, boundObjects, lockNames } from './boundObjects.ts';
import { loadSchemas } from './defineTable.ts';
import type { IncrementalCopy } from './incremental.contract.ts';
import { moveState, readState, type TableAddress } from './state.ts';

const { load, retired } = loadSchemas;
/** Below the second after which a server looks for deadlocks: we give way before it could choose a reader. */
const lockMs = 700;

/**
 * Takes a loaded table into use: grants, views, routines and the table's state follow it, the former one is dropped, all in one transaction that gives way to
 * readers. Fails with BesideNotPossible when something that cannot follow hangs on the former one, TargetBusy. Repeatable: a done swap is nothing to do.
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
  const { rows } = await target.query<{ there: boolean }>('select to_regclass($1) is not null as there', [qualified(schema, table)]);
  const replaces = rows[0]?.there === true;
  const bound = await boundObjects(target, schema, table);
  const move = async (from: string, to: string): Promise<void> => {
    for (const view of bound.materialized) await target.query(`alter materialized view ${qualified(from, view)} set schema ${quoted(to)}`);
    await target.query(`alter table ${qualified(from, table)} set schema ${quoted(to)}`);
  };
  await target.query(`set local lock_timeout = ${lockMs}`);
  await target.query('set local check_function_bodies = off');
  if (replaces) {
    await target.query(`lock table ${lockNames(schema, table, bound)} in access exclusive mode`);
    for (const sql of await grantsLike(target, { from: schema, to: load })) await target.query(sql);
    await target.query(`create schema ${quoted(retired)}`);
    await move(schema, retired);
  } else for (const sql of await defaultGrants(target, { schema, workSchema: load, tables: [table] })) await target.query(sql);
  await move(load, schema);
  await bindAgain(target, bound);
  if (replaces) {
    for (const view of bound.materialized) await target.query(`drop materialized view ${qualified(retired, view)}`);
    await target.query(`drop table ${qualified(retired, table)}`);
    await target.query(`drop schema ${quoted(retired)}`);
  }
  await moveState(target, address, schema);
  return [...bound.rebound.map(({ name }) => name), ...bound.materialized];
}

async function holdersInWords(target: pg.Client, schema: string, table: string): Promise<string> {
  const { rows } = await target.query<{ who: string }>(
    `select format('pid %s (%s, %s, %s)', a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'no name'), a.state) as who
     from pg_locks l join pg_stat_activity a using (pid) where l.relation = ${literal(qualified(schema, table))}::regclass and l.granted and a.pid <> pg_backend_pid() limit 10`,
  );
  return rows.length === 0 ? 'no session holds it now' : `held by ${rows.map(({ who }) => who).join('; ')}`;
}
