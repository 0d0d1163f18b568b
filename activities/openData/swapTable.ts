import type pg from 'pg';

import { failure } from '../failure.ts';
import { qualified, quoted } from '../postgres/identifiers.ts';
import { isRelation, objectsOf, type SchemaObject } from '../warehouse/swap/catalog.ts';
import { defaultGrants } from '../warehouse/swap/defaultGrants.ts';
import { giveWay, holdersInWords } from '../warehouse/swap/giveWay.ts';
import { grantsLike } from '../warehouse/swap/grants.ts';
import { moveObject } from '../warehouse/swap/move.ts';
import { bindAgain, lockWithViews } from '../warehouse/swap/views.ts';
import { ownSchemas } from '../warehouse/warehouse.contract.ts';
import type { OpenDataReport } from './openData.contract.ts';

const workSchema = ownSchemas.openData;

const formerName = 'nightshift_former_open_data';

type Swap = Pick<OpenDataReport, 'rebound' | 'lost' | 'yielded' | 'lockedMs'>;

export interface TableSwap {
  schema: string;
  table: string;
  limitSeconds: number;
  signal: AbortSignal;
}

/** Puts the table of the work schema in the place of its namesake, inside the transaction under way; gives way to readers and tries again. */
export async function swapTable(client: pg.ClientBase, swap: TableSwap): Promise<Swap> {
  const { schema, table, limitSeconds, signal } = swap;
  const holders = (): Promise<string> => holdersInWords(client, { schemas: [schema], names: [table] });
  return giveWay(client, { within: 'savepoint', limitSeconds, signal, what: `${table} was`, holders }, async (yielded) => ({
    yielded,
    ...(await swapOnce(client, swap)),
  }));
}

async function swapOnce(client: pg.ClientBase, { schema, table }: TableSwap): Promise<Omit<Swap, 'yielded'>> {
  const name = qualified(schema, table);
  const former = await formerTable(client, schema, table);
  const refusal = `these depend on ${table} and would keep the former one`;
  const { views, beganMs } = former
    ? await lockWithViews(client, { relations: [name], objects: [former], refusal })
    : { views: [], beganMs: performance.now() };
  const lost = former ? await boundTo(client, former.oid) : [];
  const grants = former
    ? await grantsLike(client, { from: schema, to: workSchema })
    : await defaultGrants(client, { schema, workSchema, tables: [table] });
  for (const sql of grants) await client.query(sql);
  if (former) await client.query(`alter table ${name} rename to ${quoted(formerName)}`);
  await moveObject(client, { kind: 'table', name: table, args: '' }, workSchema, schema);
  await bindAgain(client, views, `the new ${table}`);
  if (former) await client.query(`drop table ${qualified(schema, formerName)}`);
  await client.query(`drop schema ${quoted(workSchema)}`);
  return { rebound: views.map((view) => view.name), lost, lockedMs: Math.round(performance.now() - beganMs) };
}

async function formerTable(client: pg.ClientBase, schema: string, table: string): Promise<SchemaObject | null> {
  const found = (await objectsOf(client, schema)).find((object) => object.name === table && isRelation(object));
  if (found && found.kind !== 'table')
    throw failure('BesideNotPossible', `schema ${schema} has a ${found.kind} ${table} in place of the table`);
  return found ?? null;
}

async function boundTo(client: pg.ClientBase, oid: number): Promise<string[]> {
  const { rows } = await client.query<{ what: string }>(
    `select 'index ' || c.relname as what from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = $1::bigint::oid
     union all select 'trigger ' || tgname from pg_trigger where tgrelid = $1::bigint::oid and not tgisinternal order by 1`,
    [oid],
  );
  return rows.map(({ what }) => what);
}
