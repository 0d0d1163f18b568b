import type pg from 'pg';

import { ownSchemas, type ReplicaRun } from './warehouse.contract.ts';
import { ensureOwnTables, readSettled } from './ownTables.ts';

const { bookkeeping: schema } = ownSchemas;

export type Replaced = 'learningContent' | 'openData' | 'schemaCopy';

/** The last replacement of each thing, one row per replica. Call in no transaction. */
export async function ensureReplacements(client: pg.ClientBase): Promise<void> {
  await ensureOwnTables(
    client,
    'replacement',
    `create table if not exists ${schema}.replacement (
       replica text not null, thing text not null, run text not null, facts jsonb not null, written_at timestamptz not null default clock_timestamp(),
       primary key (replica, thing))`,
  );
}

/** What the run wrote, before it does the thing again; null when it wrote nothing. Makes the table that it is written in. Call in no transaction. */
export async function findReplacement<Report>(client: pg.ClientBase, owner: ReplicaRun, thing: Replaced): Promise<Report | null> {
  await ensureReplacements(client);
  return writtenBy(client, owner, thing);
}

/** What the run wrote; null when it wrote nothing, or there is nothing to read. Reads only. */
export async function readReplacement<Report>(client: pg.ClientBase, owner: ReplicaRun, thing: Replaced): Promise<Report | null> {
  return (await isThere(client)) ? writtenBy(client, owner, thing) : null;
}

/** For a moment in which a writer may just be at its end; see `readSettled`. */
export async function readSettledReplacement<Report>(client: pg.ClientBase, owner: ReplicaRun, thing: Replaced): Promise<Report | null> {
  return (await isThere(client)) ? readSettled(client, 'replacement', () => writtenBy<Report>(client, owner, thing)) : null;
}

async function isThere(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(`select to_regclass('${schema}.replacement') is not null as there`);
  return rows[0]?.there === true;
}

async function writtenBy<Report>(client: pg.ClientBase, { replica, run }: ReplicaRun, thing: Replaced): Promise<Report | null> {
  const { rows } = await client.query<{ facts: Report }>(
    `select facts from ${schema}.replacement where replica = $1 and thing = $2 and run = $3`,
    [replica, thing, run],
  );
  return rows[0]?.facts ?? null;
}

/** Within the transaction that puts the thing into use: there with it, or not at all. */
export async function writeReplacement(client: pg.ClientBase, { replica, run }: ReplicaRun, thing: Replaced, facts: object): Promise<void> {
  await client.query(
    `insert into ${schema}.replacement (replica, thing, run, facts) values ($1, $2, $3, $4)
     on conflict (replica, thing) do update set run = excluded.run, facts = excluded.facts, written_at = excluded.written_at`,
    [replica, thing, run, JSON.stringify(facts)],
  );
}
