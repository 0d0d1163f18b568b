import type pg from 'pg';

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
