import { setTimeout as pause } from 'node:timers/promises';

import type pg from 'pg';

import { failure } from '../../failure.ts';
import { literal } from '../../postgres/identifiers.ts';

/** Below the second after which a server looks for deadlocks: we give way before it could choose a reader. */
const lockMs = 700;
const pauseMsMax = 3_000;
/** How long maintenance may take to end once the server has told it to; a vacuum looks between two pages. */
const maintenanceMs = 4_000;

const brackets = {
  transaction: { begin: 'begin', end: 'commit', back: 'rollback' },
  savepoint: { begin: 'savepoint swap', end: 'release savepoint swap', back: 'rollback to savepoint swap' },
} as const;

export interface Turn {
  /** What one try is: a transaction of its own, or a part of the one under way. */
  within: keyof typeof brackets;
  /** For how long a moment is looked for. */
  limitSeconds: number;
  signal?: AbortSignal;
  /** What must be free, in words: "the tables were". */
  what: string;
  /** Who stands in the way, in words; asked after the last try, when all locks are given back. */
  holders: () => Promise<string>;
}

/**
 * Does the work as soon as readers leave a moment for it. No lock is waited for longer than 700 ms: then everything is taken back, readers go first, and it is
 * tried again with growing pauses. `work` is told how often that was. Fails with TargetBusy at the end of the limit.
 */
export async function giveWay<Result>(
  client: pg.ClientBase,
  { within, limitSeconds, signal, what, holders }: Turn,
  work: (yielded: number) => Promise<Result>,
): Promise<Result> {
  const { begin, end, back } = brackets[within];
  const deadlineMs = performance.now() + limitSeconds * 1000;
  for (let yielded = 0; ; yielded += 1) {
    await client.query(begin);
    try {
      await client.query(`set local lock_timeout = ${lockMs}`);
      const result = await work(yielded);
      await client.query(end);
      return result;
    } catch (error) {
      // On a connection that is gone nothing can be taken back: the first error is the one to tell.
      const takenBack = await client.query(back).then(
        () => true,
        () => false,
      );
      if (!takenBack || !isBusy(error) || signal?.aborted) throw error;
      if (performance.now() > deadlineMs)
        throw failure('TargetBusy', `no moment within ${limitSeconds} s in which ${what} free; ${await holders()}`);
      await pause(Math.min(200 * (yielded + 1), pauseMsMax), undefined, signal ? { signal } : {});
    }
  }
}

/** Statement cancelled at its limit, lock not available, deadlock: readers go first. */
export function isBusy(error: unknown): boolean {
  return ['57014', '55P03', '40P01'].includes((error as { code?: string }).code ?? '');
}

/** The body of a DO block that goes through relations, named as they stand in SQL. */
function forEachRelation(relations: readonly string[], act: string): string {
  return `foreach relation in array array[${relations.map(literal).join(', ')}]::text[] loop ${act} end loop;`;
}

/**
 * Waits for VACUUM, ANALYZE and index builds on those of the relations that are tables, and holds nobody else up: the lock that keeps them away lets
 * readers and writers pass. A server ends an autovacuum for whoever has waited longer than its deadlock_timeout, which our own locks never do. While it is held
 * no further one begins. One that goes on makes the try fail as a reader does.
 */
async function waitForMaintenance(client: pg.ClientBase, relations: readonly string[]): Promise<void> {
  await client.query(
    `do $lock$ declare relation text; begin
       perform set_config('lock_timeout', (select (setting::bigint + ${maintenanceMs})::text from pg_settings where name = 'deadlock_timeout'), true);
       ${forEachRelation(
         relations,
         `if exists (select from pg_class where oid = relation::regclass and relkind in ('r', 'p')) then
            execute 'lock table ' || relation || ' in share update exclusive mode';
          end if;`,
       )}
       perform set_config('lock_timeout', '${lockMs}', true);
     end $lock$`,
  );
}

/**
 * Waits for maintenance, then takes all locks in one statement, so that one limit holds for all of them together. Names of relations as they stand in SQL. LOCK takes tables
 * and views alone; the others are locked by giving them the owner that they have. One that was waited for later, under those of this statement, could make a reader
 * the victim of a deadlock.
 * @returns when readers began to wait (performance.now()).
 */
export async function lockAtOnce(client: pg.ClientBase, relations: readonly string[]): Promise<number> {
  if (relations.length === 0) return performance.now();
  await waitForMaintenance(client, relations);
  const beganMs = performance.now();
  await client.query(`set local statement_timeout = ${lockMs}`);
  await client.query(
    `do $lock$ declare relation text; holder text; begin
       ${forEachRelation(
         relations,
         `select quote_ident(pg_get_userbyid(c.relowner)) into holder from pg_class c where c.oid = relation::regclass and c.relkind in ('m', 'f', 'S');
          if holder is null then execute 'lock table ' || relation || ' in access exclusive mode';
          else execute 'alter table ' || relation || ' owner to ' || holder; end if;`,
       )}
     end $lock$`,
  );
  await client.query('set local statement_timeout = 0');
  return beganMs;
}

/** Who holds locks on relations of the schemas, or on those of the given names: for the operator who has to choose. */
export async function holdersInWords(
  client: pg.ClientBase,
  { schemas, names = null }: { schemas: readonly string[]; names?: readonly string[] | null },
): Promise<string> {
  const { rows } = await client.query<{ who: string }>(
    `select format('pid %s (%s, %s, %s since %s)', a.pid, coalesce(a.usename, a.backend_type), coalesce(nullif(a.application_name, ''), 'no name'), a.state, a.xact_start) as who
     from pg_stat_activity a where a.pid <> pg_backend_pid() and exists (
       select from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace
       where l.pid = a.pid and l.granted and l.database = a.datid and a.datname = current_database() and n.nspname = any($1::text[]) and ($2::text[] is null or c.relname = any($2::text[])))
     order by a.xact_start limit 10`,
    [schemas, names],
  );
  return rows.length === 0 ? 'no session holds them now' : `held by ${rows.map(({ who }) => who).join('; ')}`;
}
