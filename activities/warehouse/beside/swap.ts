import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import { failure } from '../../failure.ts';
import type { Connections } from '../../postgres/connections.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import { isRelation, objectKey, objectsOf } from '../swap/catalog.ts';
import { dependentsOf } from '../swap/dependents.ts';
import { giveWay, holdersInWords } from '../swap/giveWay.ts';
import { grantsLike } from '../swap/grants.ts';
import { inMovingOrder, moveObject } from '../swap/move.ts';
import { bindAgain, lockWithBound, viewsOver } from '../swap/views.ts';
import { type BesideCopy, type SwapReport } from './beside.contract.ts';
import { ensureBookkeeping, keptKey, readCheckpoint, readLiveObjects, writeCheckpoint, writeLiveObjects } from './bookkeeping.ts';
import { dropOwnSchema } from './dropSchemas.ts';
import { applicationOf } from '../sessionNames.ts';

const { next, previous } = ownSchemas;

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
  const { limitSeconds, signal, outgoing } = direction;
  await target.query("set search_path = ''");
  const holders = (): Promise<string> => holdersInWords(target, { schemas: [copy.schema, outgoing] });
  return giveWay(target, { within: 'transaction', limitSeconds, signal, what: 'the tables were', holders }, (yielded) =>
    swapOnce(target, copy, direction, yielded),
  );
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
  if (coming.length === 0) throw failure('PostgresFailed', `schema ${incoming} holds nothing to put into use`);
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

  const relations = going.filter(isRelation).map(({ name }) => qualified(copy.schema, name));
  const find = () => viewsOver(target, going, 'these depend on what would be replaced');
  const { bound, beganMs } = await lockWithBound(target, relations, find);
  for (const sql of await grantsLike(target, { from: copy.schema, to: incoming })) await target.query(sql);
  for (const object of inMovingOrder(going)) await moveObject(target, object, copy.schema, outgoing);
  await target.query('set local check_function_bodies = off');
  for (const object of inMovingOrder(coming)) await moveObject(target, object, incoming, copy.schema);
  await bindAgain(target, bound.views, 'the new tables');
  const report: SwapReport = {
    swappedAt: new Date().toISOString(),
    moved: coming.length,
    replaced: going.length,
    rebound: bound.views.map(({ name }) => name),
    yielded,
    lockedMs: Math.round(performance.now() - beganMs),
  };
  await writeLiveObjects(target, copy.replica, [...comingKeys, ...copy.kept.map(keptKey)]);
  await writeCheckpoint(target, copy, checkpoint, { facts: report });
  return report;
}
