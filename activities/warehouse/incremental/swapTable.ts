import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import { applicationOf } from '../sessionNames.ts';
import type { Connections } from '../../postgres/connections.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import { defaultGrants } from '../swap/defaultGrants.ts';
import { giveWay, holdersInWords, lockAtOnce } from '../swap/giveWay.ts';
import { grantsLike } from '../swap/grants.ts';
import { bindAgain } from '../swap/views.ts';
import { boundObjects } from './boundObjects.ts';
import { type IncrementalCopy } from './incremental.contract.ts';
import { moveState, readState, type TableAddress } from './state.ts';

const { load, retired } = ownSchemas;

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
    const holders = (): Promise<string> => holdersInWords(target, { schemas: [copy.schema], names: [address.table] });
    return giveWay(target, { within: 'transaction', limitSeconds, signal, what: `${address.table} was`, holders }, async () => ({
      rebound: await swapOnce(target, copy, address),
    }));
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
  await target.query('set local check_function_bodies = off');
  if (replaces) {
    const materialized = bound.materialized.map((view) => qualified(schema, view));
    await lockAtOnce(target, [qualified(schema, table), ...bound.views.map(({ name }) => name), ...materialized]);
    for (const sql of await grantsLike(target, { from: schema, to: load })) await target.query(sql);
    await target.query(`create schema ${quoted(retired)}`);
    await move(schema, retired);
  } else for (const sql of await defaultGrants(target, { schema, workSchema: load, tables: [table] })) await target.query(sql);
  await move(load, schema);
  const rebound = [...bound.views, ...bound.routines];
  await bindAgain(target, rebound, `the new ${table}`);
  if (replaces) {
    for (const view of bound.materialized) await target.query(`drop materialized view ${qualified(retired, view)}`);
    await target.query(`drop table ${qualified(retired, table)}`);
    await target.query(`drop schema ${quoted(retired)}`);
  }
  await moveState(target, address, schema);
  return [...rebound.map(({ name }) => name), ...bound.materialized];
}
