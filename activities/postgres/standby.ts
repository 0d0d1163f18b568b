import { setTimeout as pause } from 'node:timers/promises';

import type pg from 'pg';

import { historyOf } from './serverFacts.ts';
import { failure, withoutRemedy } from '../failure.ts';
import { postgresFailure, type Connections } from './connections.ts';
import type { PostgresRef } from './postgres.contract.ts';

/** For messages: what ends a long read on a standby, and what to set there. */
export const conflictsInWords =
  "a standby ends reads that stand in the way of what it replays, production's vacuum above all: set hot_standby_feedback = on there (or max_standby_streaming_delay = -1), or read from the primary";

export async function isStandby(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
  return rows[0]?.standby === true;
}

/** Tables and sequences whose rows a hot standby does not have: those that are not logged. Names of none on a primary. */
export async function absentOnStandby(
  client: pg.ClientBase,
  { schema, kept }: { schema: string; kept: readonly string[] },
): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where pg_is_in_recovery() and n.nspname = $1 and c.relkind in ('r', 'S') and c.relpersistence = 'u' and c.relname <> all($2::text[])
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i'))
     order by 1`,
    [schema, kept],
  );
  return rows.map(({ name }) => name);
}

/** What a source that is a hot standby cannot serve, and what may end the copy or make it old. Nothing of a primary. */
export async function inspectStandby(
  client: pg.ClientBase,
  wanted: { schema: string; kept: readonly string[] },
): Promise<{ faults: string[]; warnings: string[] }> {
  if (!(await isStandby(client))) return { faults: [], warnings: [] };
  const faults = (await absentOnStandby(client, wanted)).map(
    (name) =>
      `source: it is a standby, and ${name} is unlogged, so that only its primary has the rows: name it in tables with the mode "none", or let source.url lead to the primary`,
  );
  const { rows } = await client.query<{
    paused: boolean;
    streams: boolean;
    behind: boolean;
    last: string | null;
    feedback: string;
    delayMs: string;
  }>(
    `select pg_is_wal_replay_paused() as paused, exists (select from pg_stat_wal_receiver) as streams,
       pg_last_wal_replay_lsn() < pg_last_wal_receive_lsn() and pg_last_xact_replay_timestamp() < now() - interval '1 hour' as behind,
       to_char(pg_last_xact_replay_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as last,
       current_setting('hot_standby_feedback') as feedback, (select setting from pg_settings where name = 'max_standby_streaming_delay') as "delayMs"`,
  );
  const [found] = rows;
  const warnings: string[] = [];
  const why = found?.paused
    ? 'its replay is paused'
    : !found?.streams
      ? 'it is not connected to its primary'
      : found.behind
        ? 'it lags'
        : null;
  if (why !== null)
    warnings.push(`source: it is a standby and ${why}; the last change that it shows is of ${found?.last ?? 'an unknown moment'}`);
  if (found?.feedback === 'off' && found.delayMs !== '-1')
    warnings.push(
      `source: it is a standby and waits ${Number(found.delayMs) / 1000} s for readers (max_standby_streaming_delay); ${conflictsInWords}`,
    );
  return { faults, warnings };
}

/**
 * Whether the source is a standby of the very server that would be written to: the same cluster, database and timeline. A promoted copy of production counts
 * as a server of its own. False where a server does not tell.
 */
export async function isStandbyOf(source: pg.ClientBase, target: pg.ClientBase): Promise<boolean> {
  if (!(await isStandby(source))) return false;
  const timeline = '(select timeline_id from pg_control_checkpoint())';
  const [theirs, ours] = [await historyOf(source, timeline), await historyOf(target, timeline)];
  return theirs !== null && theirs === ours;
}

export const standbyOfTarget =
  'source: it is a standby of the server that the target is on: what is written there would come back to it; let target.url lead to a warehouse of its own';

/** A session that was ended is counted when its process goes, a moment after the tool: for that it is waited. */
const goneMaxMs = 30_000;
const lookMs = 100;
const failedLooksMax = 5;

/**
 * Runs a client tool on the source. When it fails and the standby has ended sessions meanwhile, that is why, in whatever language it said so: fails with
 * PostgresBusy, since another try may pass.
 */
export async function toolOnSource<Result>(
  { session }: Connections,
  { source, application, signal }: { source: PostgresRef; application: string; signal: AbortSignal },
  work: () => Promise<Result>,
): Promise<Result> {
  const before = await session(source, { application, signal }, readConflicts);
  try {
    return await work();
  } catch (error) {
    if (before === null || signal.aborted) throw error;
    const look = (): Promise<Conflicts & { running: boolean }> =>
      session(source, { application, signal }, async (client) => {
        // In this order: one that has gone is counted.
        const running = await hasSessionSince(client, application, before.at);
        return { running, ...((await readConflicts(client)) ?? before) };
      });
    let failed = 0;
    for (const beganMs = performance.now(); performance.now() - beganMs < goneMaxMs && failed < failedLooksMax; await pause(lookMs)) {
      const seen = await look().catch(() => null);
      if (seen && seen.count > before.count)
        throw failure(
          'PostgresBusy',
          `${withoutRemedy(postgresFailure(source, error).message)}; ${conflictsInWords}`,
          { server: source.name },
          error,
        );
      if (seen?.running === false) break;
      if (!seen) failed += 1;
    }
    throw error;
  }
}

interface Conflicts {
  count: number;
  /** The server's clock. */
  at: string;
}

/** Sessions that the standby has ended for what it replays; null on a primary. */
async function readConflicts(client: pg.ClientBase): Promise<Conflicts | null> {
  const { rows } = await client.query<{ count: string; at: string }>(
    `select confl_tablespace + confl_lock + confl_snapshot + confl_bufferpin + confl_deadlock as count, clock_timestamp()::text as at
     from pg_stat_database_conflicts where datname = current_database() and pg_is_in_recovery()`,
  );
  return rows[0] ? { count: Number(rows[0].count), at: rows[0].at } : null;
}

async function hasSessionSince(client: pg.ClientBase, application: string, at: string): Promise<boolean> {
  const { rows } = await client.query(
    'select from pg_stat_activity where application_name = $1 and pid <> pg_backend_pid() and backend_start > $2::timestamptz limit 1',
    [application.slice(0, 63), at],
  );
  return rows.length > 0;
}
