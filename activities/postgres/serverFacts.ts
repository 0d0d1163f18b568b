import type pg from 'pg';

import type { PostgresFacts } from './postgres.contract.ts';

export async function readFacts(client: pg.ClientBase): Promise<PostgresFacts> {
  const { rows } = await client.query<Omit<PostgresFacts, 'sizeBytes' | 'versionNumber'> & { sizeBytes: string; versionNumber: string }>(
    `select split_part(current_setting('server_version'), ' ', 1) as version, current_setting('server_version_num') as "versionNumber",
       current_database() as database, current_user as user, (select rolsuper from pg_roles where rolname = current_user) as superuser,
       -- The same server, whatever name or address leads to it: it began at one moment and listens to one port.
       md5(concat_ws('/', pg_postmaster_start_time(), (select oid from pg_database where datname = current_database()), current_setting('port'), (select datcollate from pg_database where datname = current_database()))) as identity,
       pg_database_size(current_database()) as "sizeBytes", pg_is_in_recovery() as "inRecovery"`,
  );
  const [row] = rows;
  if (!row) throw new Error('the server said nothing about itself');
  return { ...row, sizeBytes: Number(row.sizeBytes), versionNumber: Number(row.versionNumber) };
}

/** Cluster, database and timeline of a server as one text; null where its user may not know. @param timeline SQL of the timeline that is meant. */
export async function historyOf(client: pg.ClientBase, timeline: string): Promise<string | null> {
  try {
    const { rows } = await client.query<{ history: string }>(
      `select concat_ws('/', (select system_identifier from pg_control_system()), (select oid from pg_database where datname = current_database()),
         ${timeline}) as history`,
    );
    return rows[0]?.history ?? null;
  } catch (error) {
    if ((error as { code?: string }).code === '42501') return null;
    throw error;
  }
}
