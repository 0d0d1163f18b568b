import type pg from 'pg';

import { failure } from '../../failure.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import { ownSchemas } from '../warehouse.contract.ts';
import { isRelation, objectInWords, objectsOf, type SchemaObject } from './catalog.ts';
import { defaultGrants } from './defaultGrants.ts';
import { dependentsInWords, dependentsOf } from './dependents.ts';
import { grantsLike } from './grants.ts';
import { inMovingOrder, moveObject } from './move.ts';
import { bindAgain, lockWithBound, viewsOver, type Bound } from './views.ts';

export interface TableReplacement {
  /** Where readers look for the tables. */
  schema: string;
  /** Where the new ones stand ready. */
  workSchema: string;
  /** Where those in use go, a schema that stands; what it has of the names is dropped. Null: they are dropped. */
  previousSchema: string | null;
  /** Of tables, and of materialized views over them. */
  names: readonly string[];
  /** In messages: "the learning content". */
  what: string;
  /** What is bound to those in use and follows to the new ones; default: views, and anything else refuses the swap. */
  boundTo?: () => Promise<Bound>;
}

export interface ReplacedTables {
  /** What was bound to the former tables and is to the new ones now. */
  rebound: string[];
  /** How long readers can have waited, ms. */
  lockedMs: number;
}

/**
 * One try to take new tables into use in the place of their namesakes, inside the transaction or savepoint of `giveWay`: all locks at once, grants carried over, what is
 * bound to the former tables bound to the new ones. Call with an empty search_path. Fails with BesideNotPossible when something would stay bound to the former ones,
 * or stands in their place.
 */
export async function replaceTables(
  client: pg.ClientBase,
  { schema, workSchema, previousSchema, names, what, boundTo }: TableReplacement,
): Promise<ReplacedTables> {
  const coming = await findNamed(client, workSchema, names);
  const absent = names.filter((wanted) => !coming.some(({ name }) => name === wanted));
  if (absent.length > 0) throw failure('PostgresFailed', `schema ${workSchema} lacks ${absent.join(', ')} of ${what}`);
  const current = await namesakesOf(client, coming, schema, what);
  const former = previousSchema === null ? [] : await namesakesOf(client, coming, previousSchema, what);
  const retired = previousSchema ?? ownSchemas.retired;
  const inSql = (from: string, objects: readonly SchemaObject[]): string[] => objects.map(({ name }) => qualified(from, name));
  const { bound, beganMs } = await lockWithBound(
    client,
    [...inSql(schema, current), ...inSql(retired, former)],
    boundTo ?? (() => viewsOver(client, current, `these depend on ${what} and would keep the old one`)),
  );
  const inUse = new Set(current.map(({ name }) => name));
  const tables = coming.map(({ name }) => name).filter((name) => !inUse.has(name));
  const grants = [
    ...(await grantsLike(client, { from: schema, to: workSchema })),
    ...(await defaultGrants(client, { schema, workSchema, tables })),
  ];
  for (const sql of grants) await client.query(sql);
  await dropFormer(client, retired, former, what);
  const drops = previousSchema === null && current.length > 0;
  if (drops) await client.query(`create schema ${quoted(retired)}`);
  for (const object of inMovingOrder(current)) await moveObject(client, object, schema, retired);
  await client.query('set local check_function_bodies = off');
  for (const object of inMovingOrder(coming)) await moveObject(client, object, workSchema, schema);
  const rebound = [...bound.views, ...bound.routines];
  await bindAgain(client, rebound, `the new ${what.replace(/^the /, '')}`);
  if (drops) {
    await dropFormer(client, retired, current, what);
    await client.query(`drop schema ${quoted(retired)}`);
  }
  return { rebound: rebound.map(({ name }) => name), lockedMs: Math.round(performance.now() - beganMs) };
}

async function findNamed(client: pg.ClientBase, schema: string, names: readonly string[]): Promise<SchemaObject[]> {
  return (await objectsOf(client, schema)).filter((object) => names.includes(object.name) && isRelation(object));
}

/** Fails with BesideNotPossible where something else than a table has the name of one. */
async function namesakesOf(client: pg.ClientBase, coming: readonly SchemaObject[], schema: string, what: string): Promise<SchemaObject[]> {
  const kinds = new Map(coming.map(({ name, kind }) => [name, kind]));
  const found = await findNamed(client, schema, [...kinds.keys()]);
  const others = found.filter(({ name, kind }) => kind !== kinds.get(name));
  if (others.length > 0)
    throw failure('BesideNotPossible', `in schema ${schema} stands, in the place of ${what}: ${others.map(objectInWords).join('; ')}`);
  return found;
}

/** Refuses when anything outside depends on it. */
async function dropFormer(client: pg.ClientBase, schema: string, objects: readonly SchemaObject[], what: string): Promise<void> {
  const stuck = await dependentsOf(client, objects);
  if (stuck.length > 0)
    throw failure('BesideNotPossible', `these depend on what was in use before in ${schema} (${what}): ${dependentsInWords(stuck)}`);
  for (const { kind, name } of inMovingOrder(objects)) await client.query(`drop ${kind} ${qualified(schema, name)}`);
}
