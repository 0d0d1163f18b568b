import { setTimeout as pause } from 'node:timers/promises';

import type pg from 'pg';

import { failure } from '../../failure.ts';
import { postgresFailure, type Connections } from '../connections.ts';
import { literal, qualified, quoted } from '../identifiers.ts';
import { besideSchemas, type BesideCopy, type SwapReport } from './beside.contract.ts';
import { ensureBookkeeping, keptKey, readCheckpoint, readLiveObjects, writeCheckpoint, writeLiveObjects } from './bookkeeping.ts';
import { inMovingOrder, moveStatement, objectKey, objectsOf, type SchemaObject } from '../swap/catalog.ts';
import { dropOwnSchema } from './define.ts';
import { dependentsOf } from '../swap/dependents.ts';
import { grantsLike } from '../swap/grants.ts';
import { applicationOf } from './snapshot.ts';

const { next, previous } = besideSchemas;
/** Below the second after which a server looks for deadlocks: we give way before it could choose a reader. */
const lockMs = 700;

/**
 * Takes the schema `next` into use: the namesakes in use go to `previous`, the new ones come, in one transaction. All locks are asked for in one statement
 * that gives up before any reader could be harmed; then we step back and try again.
 */
export async function swapBesideOf(
  connections: Connections,
  copy: BesideCopy,
  limitSeconds: number,
  signal: AbortSignal,
): Promise<SwapReport> {
  return connections.session(copy.target, { application: applicationOf(copy, 'swap'), signal }, async (target) => {
    await ensureBookkeeping(target);
    const done = await readCheckpoint(target, copy, 'swap');
    if (done) return done.facts as SwapReport;
    return yieldingSwap(target, copy, { limitSeconds, signal, incoming: next, outgoing: previous, checkpoint: 'swap' });
  });
}

/** Puts the schema `previous` back into use; what was in use goes to `next`, so that nothing is lost. */
export async function undoSwapOf(
  connections: Connections,
  copy: BesideCopy,
  limitSeconds: number,
  signal: AbortSignal,
): Promise<SwapReport> {
  return connections.session(copy.target, { application: applicationOf(copy, 'undo'), signal }, async (target) => {
    await ensureBookkeeping(target);
    const done = await readCheckpoint(target, copy, 'undo');
    if (done) return done.facts as SwapReport;
    if ((await objectsOf(target, previous)).length === 0)
      throw failure('NothingToUndo', `the ${copy.target.name} has no former copy in schema ${previous}`);
    return yieldingSwap(target, copy, { limitSeconds, signal, incoming: previous, outgoing: next, checkpoint: 'undo' });
  });
}

interface Direction {
  limitSeconds: number;
  signal: AbortSignal;
  incoming: string;
  outgoing: string;
  checkpoint: string;
}

async function yieldingSwap(target: pg.Client, copy: BesideCopy, direction: Direction): Promise<SwapReport> {
  const deadlineMs = performance.now() + direction.limitSeconds * 1000;
  await target.query("set search_path = ''");
  for (let yielded = 0; ; yielded += 1) {
    await target.query('begin');
    try {
      const report = await swapOnce(target, copy, direction, yielded);
      await target.query('commit');
      return report;
    } catch (error) {
      await target.query('rollback');
      const { code } = error as { code?: string };
      // Statement cancelled at its limit, lock not available, deadlock: readers go first.
      if (!code || !['57014', '55P03', '40P01'].includes(code) || direction.signal.aborted) throw error;
      if (performance.now() > deadlineMs)
        throw failure(
          'TargetBusy',
          `no moment within ${direction.limitSeconds} s in which the tables were free; ${await blockersInWords(target, copy.schema)}`,
        );
      await pause(Math.min(200 * (yielded + 1), 3_000), undefined, { signal: direction.signal });
    }
  }
}

async function swapOnce(
  target: pg.Client,
  copy: BesideCopy,
  { incoming, outgoing, checkpoint }: Direction,
  yielded: number,
): Promise<SwapReport> {
  const schemas = [copy.schema, next, previous];
  await dropOwnSchema(target, outgoing);
  await target.query(`create schema ${quoted(outgoing)}`);
  const coming = await objectsOf(target, incoming);
  if (coming.length === 0) throw failure('PostgresFailed', `schema ${incoming} holds nothing to take into use`);
  const comingKeys = new Set(coming.map((object) => objectKey(object, schemas)));
  const ours = await readLiveObjects(target, copy.replica);
  const kept = new Set(copy.kept);
  const candidates = (await objectsOf(target, copy.schema)).filter((object) => {
    const key = objectKey(object, schemas);
    return (comingKeys.has(key) || ours.has(key)) && !kept.has(object.name);
  });
  // What the source no longer has and others use stays where it is.
  const used = new Set((await dependentsOf(target, candidates)).map(({ onClassId, onOid }) => `${onClassId}/${onOid}`));
  const going = candidates.filter((object) => comingKeys.has(objectKey(object, schemas)) || !used.has(`${object.classId}/${object.oid}`));
  const dependents = await dependentsOf(target, going);
  const views = dependents.filter(({ relkind }) => relkind === 'v');
  const stuck = dependents.filter(({ relkind }) => relkind !== 'v');
  if (stuck.length > 0)
    throw failure(
      'BesideNotPossible',
      `these depend on what would be replaced: ${stuck
        .map(({ what }) => what)
        .slice(0, 20)
        .join('; ')}`,
    );
  const definitions = await viewDefinitions(
    target,
    views.map(({ oid }) => oid),
  );

  const beganMs = performance.now();
  await lockAtOnce(target, [...lockable(going, copy.schema), ...views.map(({ oid }) => ({ oid }))]);
  for (const sql of await grantsLike(target, { from: copy.schema, to: incoming })) await target.query(sql);
  for (const object of inMovingOrder(going)) await target.query(moveStatement(object, copy.schema, outgoing));
  await target.query('set local check_function_bodies = off');
  for (const object of inMovingOrder(coming)) {
    try {
      await target.query(moveStatement(object, incoming, copy.schema));
    } catch (error) {
      throw nameTaken(error, object, copy) ?? error;
    }
  }
  for (const { name, sql } of definitions) {
    try {
      await target.query(sql);
    } catch (error) {
      const told = postgresFailure(copy.target, error);
      throw failure('BesideNotPossible', `view ${name} of other people cannot be bound to the new tables: ${told.message}`, {}, error);
    }
  }
  const report: SwapReport = {
    swappedAt: new Date().toISOString(),
    moved: coming.length,
    replaced: going.length,
    rebound: definitions.map(({ name }) => name),
    yielded,
    lockedMs: Math.round(performance.now() - beganMs),
  };
  await writeLiveObjects(target, copy.replica, [...comingKeys, ...copy.kept.map(keptKey)]);
  await writeCheckpoint(target, copy, checkpoint, { facts: report });
  return report;
}

type Lockable = { name: string } | { oid: number };

function lockable(objects: readonly SchemaObject[], schema: string): Lockable[] {
  return objects
    .filter(({ kind }) => kind === 'table' || kind === 'view' || kind === 'foreign table')
    .map(({ name }) => ({ name: qualified(schema, name) }));
}

/** One statement for all locks, so that one limit holds for all of them together. */
async function lockAtOnce(target: pg.Client, objects: readonly Lockable[]): Promise<void> {
  if (objects.length === 0) return;
  const locks = objects.map((object) => ('name' in object ? literal(object.name) : `${object.oid}::regclass::text`)).join(', ');
  await target.query(`set local statement_timeout = ${lockMs}`);
  await target.query(
    `do $lock$ declare relation text; begin foreach relation in array array[${locks}]::text[] loop execute 'lock table ' || relation || ' in access exclusive mode'; end loop; end $lock$`,
  );
  await target.query('set local statement_timeout = 0');
}

/** Definitions with every schema written out, in an order in which each finds the others. */
async function viewDefinitions(target: pg.Client, oids: readonly number[]): Promise<{ name: string; sql: string }[]> {
  const { rows } = await target.query<{ name: string; sql: string }>(
    `select v.oid::regclass::text as name, 'create or replace view ' || v.oid::regclass::text
        || case when v.reloptions is null then '' else ' with (' || array_to_string(v.reloptions, ', ') || ')' end || ' as ' || pg_get_viewdef(v.oid) as sql
     from pg_class v where v.oid = any($1::bigint[]::oid[]) order by v.oid`,
    [oids],
  );
  return rows;
}

function nameTaken(error: unknown, object: SchemaObject, { schema }: BesideCopy): Error | null {
  const { code, message } = error as { code?: string; message: string };
  if (code !== '42P07' && code !== '42710' && code !== '42723') return null;
  return failure(
    'BesideNotPossible',
    `${object.kind} ${object.name} cannot come into schema ${schema}: ${message}; the name belongs to other people there`,
  );
}

async function blockersInWords(target: pg.Client, schema: string): Promise<string> {
  const { rows } = await target.query<{ pid: number; user: string; application: string; since: Date; state: string }>(
    `select distinct a.pid, a.usename as user, a.application_name as application, a.xact_start as since, a.state
     from pg_locks l join pg_stat_activity a using (pid) join pg_class c on c.oid = l.relation
     where c.relnamespace = $1::regnamespace and l.granted and a.pid <> pg_backend_pid() order by a.xact_start limit 10`,
    [quoted(schema)],
  );
  if (rows.length === 0) return 'no session holds them now';
  return `held by ${rows.map(({ pid, user, application, since, state }) => `pid ${pid} (${user}, ${application || 'no name'}, ${state} since ${since?.toISOString?.() ?? '?'})`).join('; ')}`;
}
