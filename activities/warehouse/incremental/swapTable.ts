import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import { applicationOf } from '../sessionNames.ts';
import type { Connections } from '../../postgres/connections.ts';
import { giveWay, holdersInWords } from '../swap/giveWay.ts';
import { replaceTables } from '../swap/replaceTables.ts';
import { boundObjects, type BoundObjects } from './boundObjects.ts';
import { type IncrementalCopy } from './incremental.contract.ts';
import { moveState, readState, type TableAddress } from './state.ts';

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

async function swapOnce(target: pg.Client, { schema }: IncrementalCopy, address: TableAddress): Promise<string[]> {
  const { table } = address;
  if (!(await readState(target, address, { lock: true }))) return [];
  const boundTo = (): Promise<BoundObjects> => boundObjects(target, schema, table);
  const { materialized } = await boundTo();
  const { rebound } = await replaceTables(target, {
    schema,
    workSchema: ownSchemas.load,
    previousSchema: null,
    names: [table, ...materialized],
    what: table,
    boundTo,
  });
  await moveState(target, address, schema);
  return [...rebound, ...materialized];
}
