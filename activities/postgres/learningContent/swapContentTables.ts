import { setTimeout as pause } from 'node:timers/promises';

import type pg from 'pg';

import { failure } from '../../failure.ts';
import { schemaExists } from '../swap/catalog.ts';
import { dependentsOf } from '../swap/dependents.ts';
import { grantsLike } from '../swap/grants.ts';
import { literal, qualified, quoted } from '../identifiers.ts';
import { findContentTables, viewDefinitions, blockersInWords } from './contentCatalog.ts';
import { defaultGrants } from '../swap/defaultGrants.ts';
import { contentTableNames, type LearningContentReport } from './learningContent.contract.ts';

/** Below the second after which a server looks for deadlocks: we give way before it could choose a reader. */
const lockMs = 700;
const pauseMsMax = 3_000;

export interface ContentSchemas {
  /** Where readers look for the tables. */
  schema: string;
  /** Where the new tables stand ready. */
  workSchema: string;
  /** Where the tables in use go; made when absent. */
  previousSchema: string;
}

type Swap = Omit<LearningContentReport, 'rows'>;

/**
 * Moves the tables inside the transaction under way. All locks are asked for at once and given up together when readers hold them too long;
 * then they go first and it is tried again.
 */
export async function swapContentTables(
  client: pg.ClientBase,
  schemas: ContentSchemas,
  { limitSeconds, signal }: { limitSeconds: number; signal?: AbortSignal },
): Promise<Swap> {
  if (!(await schemaExists(client, schemas.previousSchema))) await client.query(`create schema ${quoted(schemas.previousSchema)}`);
  const deadlineMs = performance.now() + limitSeconds * 1000;
  for (let yielded = 0; ; yielded += 1) {
    await client.query('savepoint swap');
    try {
      return { yielded, ...(await swapOnce(client, schemas)) };
    } catch (error) {
      const { code } = error as { code?: string };
      // Statement cancelled at its limit, lock not available, deadlock.
      if (!code || !['57014', '55P03', '40P01'].includes(code) || signal?.aborted) throw error;
      await client.query('rollback to savepoint swap');
      if (performance.now() > deadlineMs)
        throw failure(
          'TargetBusy',
          `no moment within ${limitSeconds} s in which the learning content was free; ${await blockersInWords(client, schemas)}`,
        );
      await pause(Math.min(200 * (yielded + 1), pauseMsMax), undefined, signal ? { signal } : {});
    }
  }
}

async function swapOnce(client: pg.ClientBase, { schema, workSchema, previousSchema }: ContentSchemas): Promise<Omit<Swap, 'yielded'>> {
  await client.query(`set local statement_timeout = ${lockMs}`);
  const current = await findContentTables(client, schema);
  const former = await findContentTables(client, previousSchema);
  const beganMs = performance.now();
  const locked = await lockAtOnce(client, [
    ...current.map(({ name }) => qualified(schema, name)),
    ...former.map(({ name }) => qualified(previousSchema, name)),
    ...(await viewDefinitions(client, await viewsOver(client, current))).map(({ name }) => name),
  ]);
  // Again under the locks: a view may have come in between.
  const views = await viewDefinitions(client, await viewsOver(client, current));
  await lockAtOnce(
    client,
    views.map(({ name }) => name).filter((name) => !locked.has(name)),
  );
  const grants = await grantsLike(client, { from: schema, to: workSchema });
  const inUse = new Set(current.map(({ name }) => name));
  const coming = contentTableNames.filter((name) => !inUse.has(name));
  for (const sql of [...grants, ...(await defaultGrants(client, { schema, workSchema, tables: coming }))]) await client.query(sql);

  const stuck = await dependentsOf(client, former);
  if (stuck.length > 0)
    throw failure('BesideNotPossible', `these depend on the former learning content in ${previousSchema}: ${inWords(stuck)}`);
  for (const { name } of former) await client.query(`drop table ${qualified(previousSchema, name)}`);
  for (const { name } of current) await move(client, name, schema, previousSchema);
  for (const name of contentTableNames) await move(client, name, workSchema, schema);
  for (const { name, sql } of views) await rebind(client, name, sql);
  await client.query('set local statement_timeout = 0');
  return { rebound: views.map(({ name }) => name), lockedMs: Math.round(performance.now() - beganMs) };
}

/** Throws BesideNotPossible when something else than a view would stay bound to the old tables. */
async function viewsOver(client: pg.ClientBase, tables: Awaited<ReturnType<typeof findContentTables>>): Promise<number[]> {
  const dependents = await dependentsOf(client, tables);
  const stuck = dependents.filter(({ relkind }) => relkind !== 'v');
  if (stuck.length > 0)
    throw failure('BesideNotPossible', `these depend on the learning content and would keep the old one: ${inWords(stuck)}`);
  return dependents.map(({ oid }) => oid);
}

function inWords(dependents: readonly { what: string }[]): string {
  return dependents
    .slice(0, 20)
    .map(({ what }) => what)
    .join('; ');
}

/** One statement for all locks, so that one limit holds for all of them together. */
async function lockAtOnce(client: pg.ClientBase, relations: readonly string[]): Promise<Set<string>> {
  if (relations.length > 0)
    await client.query(
      `do $lock$ declare relation text; begin foreach relation in array array[${relations.map(literal).join(', ')}]::text[] loop execute 'lock table ' || relation || ' in access exclusive mode'; end loop; end $lock$`,
    );
  return new Set(relations);
}

async function move(client: pg.ClientBase, name: string, from: string, to: string): Promise<void> {
  try {
    await client.query(`alter table ${qualified(from, name)} set schema ${quoted(to)}`);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code !== '42P07' && code !== '42710') throw error;
    throw failure('BesideNotPossible', `table ${name} cannot come into schema ${to}: ${message}; the name belongs to other people there`);
  }
}

async function rebind(client: pg.ClientBase, name: string, sql: string): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === '57014') throw error;
    throw failure('BesideNotPossible', `view ${name} of other people cannot be bound to the new learning content: ${message}`, {}, error);
  }
}
