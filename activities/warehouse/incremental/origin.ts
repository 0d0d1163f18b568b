import type pg from 'pg';

import { historyOf } from '../../postgres/serverFacts.ts';

/**
 * Which history the transaction numbers of the source belong to: cluster, database, timeline. Two snapshots of one origin saw the same history, one perhaps less of it.
 * - A primary tells the timeline that it writes. pg_control_checkpoint tells that of the last checkpoint, which is the former one for minutes after a promotion.
 * - A standby tells the timeline that it receives to members of pg_monitor alone. For others its start time stands for it: what one standby has replayed never
 *   changes while it runs, but an address may lead to another one.
 * Empty where the server does not tell: then nothing is concluded from transaction numbers.
 */
export async function originOf(source: pg.ClientBase): Promise<string> {
  const history = await historyOf(
    source,
    `case when pg_is_in_recovery()
       then coalesce((select received_tli::text from pg_stat_wal_receiver), 'standby of ' || extract(epoch from pg_postmaster_start_time()))
       else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int::text end`,
  );
  return history ?? '';
}

/** Whether rows that were copied may be of a history that the source does not share: after a failover, a restore or a move. False where nothing is known of one of both. */
export function anotherHistory(before: string | null, now: string): boolean {
  return before !== null && before !== '' && now !== '' && before !== now;
}
