import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import { failure } from '../../failure.ts';
import { ensureBookkeeping, keptKey, readCheckpoint, writeCheckpoint, writeLiveObjects } from '../beside/bookkeeping.ts';
import { dropOwnSchema } from '../beside/dropSchemas.ts';
import { applicationOf } from '../sessionNames.ts';
import type { Connections } from '../../postgres/connections.ts';
import { inTransaction } from '../../postgres/transactions.ts';
import { grantsLike } from '../swap/grants.ts';
import { dropObject, inMovingOrder } from '../swap/move.ts';
import type { OpenDump } from './dump.ts';
import { goingOf } from './objectsToDrop.ts';
import type { EmptiedTarget, InPlaceCopy } from './inPlace.contract.ts';
import type { SourceFacts } from './workFiles.ts';

/** What the emptying took and the restore does not bring: it lies in the target until it is made again, whatever becomes of the run. */
export interface TakenAway {
  views: { name: string; sql: string }[];
  grants: string[];
  sharedTypes: string[];
  /** SHA-256 of the dump for which it was emptied. */
  dump: string;
}

export const checkpoints = { emptied: 'emptied', defined: 'defined' } as const;

/** Checkpoints of this mode stand apart from those of a copy beside, which forgets its own. */
export function ownerOf({ replica, run }: Pick<InPlaceCopy, 'replica' | 'run'>): { replica: string; run: string } {
  return { replica: `${replica}/inPlace`, run };
}

/** One transaction: everything that goes is dropped and what has to come back is written down, or nothing happened. */
export async function emptyTargetOf(
  { session }: Connections,
  copy: InPlaceCopy,
  { facts, marker }: OpenDump,
  signal: AbortSignal,
): Promise<EmptiedTarget> {
  return session(copy.target, { application: applicationOf(copy, 'empty'), signal }, async (target) => {
    await ensureBookkeeping(target);
    await target.query("set search_path = ''");
    await target.query("set lock_timeout = '5min'");
    await target.query('set client_min_messages = warning');
    const done = await readCheckpoint(target, ownerOf(copy), checkpoints.emptied);
    // What was restored since must not be dropped again.
    if ((done?.facts as TakenAway | undefined)?.dump === marker.sha256) return { dropped: 0, views: [], cut: [] };
    await target.query('begin');
    const wanted = new Set(facts.wanted);
    const going = await goingOf(target, copy, wanted);
    if (going.obstacles.length > 0)
      throw failure('PreflightFailed', `${going.obstacles.length} obstacles: ${going.obstacles.slice(0, 20).join(' | ')}`, {
        obstacles: going.obstacles.slice(0, 100),
      });
    const taken = await takenAway(target, copy, going, marker.sha256);
    for (const { table, key } of going.cut) await target.query(`alter table ${table} drop constraint ${key}`);
    // Nothing else depends on what goes now: CASCADE reaches what goes itself, and the views that are written down.
    for (const object of inMovingOrder(going.objects)) await dropObject(target, object, copy.schema);
    for (const schema of [ownSchemas.next, ownSchemas.previous]) await dropOwnSchema(target, schema);
    const former = await readTaken(target, copy);
    await forgetTaken(target, copy);
    await writeCheckpoint(target, ownerOf(copy), checkpoints.emptied, { facts: joined(former, taken) });
    // From now on all of this is ours, also when the run ends in the middle.
    await writeLiveObjects(target, copy.replica, [...facts.wanted, ...copy.kept.map(keptKey)]);
    await target.query('commit');
    return { dropped: going.objects.length, views: going.views.map(({ name }) => name), cut: going.cut.map(({ words }) => words) };
  });
}

async function takenAway(
  target: pg.ClientBase,
  copy: InPlaceCopy,
  { views, sharedTypes }: Awaited<ReturnType<typeof goingOf>>,
  dump: string,
): Promise<TakenAway> {
  const { rows } = await target.query<{ name: string; sql: string; owner: string; mine: boolean }>(
    `select v.oid::regclass::text as name, quote_ident(pg_get_userbyid(v.relowner)) as owner, v.relowner = (select oid from pg_roles where rolname = current_user) as mine,
       'create view ' || v.oid::regclass::text || case when v.reloptions is null then '' else ' with (' || array_to_string(v.reloptions, ', ') || ')' end
         || ' as ' || pg_get_viewdef(v.oid) as sql
     from pg_class v where v.oid = any($1::bigint[]::oid[]) order by v.oid`,
    [views.map(({ oid }) => oid)],
  );
  const { rows: acl } = await target.query<{ sql: string }>(
    `select format('grant %s on table %s to %s%s', a.privilege_type, v.oid::regclass, case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end,
       case when a.is_grantable then ' with grant option' else '' end) as sql
     from pg_class v, aclexplode(v.relacl) a where v.oid = any($1::bigint[]::oid[]) and a.grantee <> v.relowner`,
    [views.map(({ oid }) => oid)],
  );
  const owners = rows.filter(({ mine }) => !mine).map(({ name, owner }) => `alter view ${name} owner to ${owner}`);
  return {
    views: rows.map(({ name, sql }) => ({ name, sql })),
    grants: [...(await grantsLike(target, { from: copy.schema, to: copy.schema })), ...acl.map(({ sql }) => sql), ...owners],
    sharedTypes,
    dump,
  };
}

/** What this run and earlier ones took away and nobody made again. */
export async function readTaken(target: pg.ClientBase, copy: Pick<InPlaceCopy, 'replica' | 'run'>): Promise<TakenAway> {
  const { rows } = await target.query<{ facts: TakenAway }>(
    `select facts from ${ownSchemas.bookkeeping}.copy_checkpoint where replica = $1 and item = $2 order by finished_at`,
    [ownerOf(copy).replica, checkpoints.emptied],
  );
  return rows.reduce<TakenAway>((all, { facts }) => joined(all, facts), { views: [], grants: [], sharedTypes: [], dump: '' });
}

/** Forgets every checkpoint of the replica's runs in this mode. */
export async function forgetTaken(target: pg.ClientBase, copy: Pick<InPlaceCopy, 'replica' | 'run'>): Promise<void> {
  await target.query(`delete from ${ownSchemas.bookkeeping}.copy_checkpoint where replica = $1`, [ownerOf(copy).replica]);
}

function joined(former: TakenAway, later: TakenAway): TakenAway {
  const known = new Set(later.views.map(({ name }) => name));
  return {
    views: [...former.views.filter(({ name }) => !known.has(name)), ...later.views],
    grants: [...new Set([...former.grants, ...later.grants])],
    sharedTypes: later.sharedTypes,
    dump: later.dump,
  };
}

/** Drops what a definition that broke off left: nothing of others can hang on it, so nothing is to be written down. */
export async function dropHalfDefined(target: pg.ClientBase, copy: InPlaceCopy, facts: SourceFacts): Promise<void> {
  await target.query("set search_path = ''");
  await target.query('set client_min_messages = warning');
  const going = await goingOf(target, copy, new Set(facts.wanted));
  if (going.obstacles.length > 0)
    throw failure('PostgresFailed', `these depend on what was being restored: ${going.obstacles.slice(0, 20).join(' | ')}`);
  await inTransaction(target, async () => {
    for (const object of inMovingOrder(going.objects)) await dropObject(target, object, copy.schema);
  });
}
