import { join } from 'node:path';

import { withoutDurability, type PostgresServer } from '../../deploy/lab/postgres/postgres.contract.ts';
import { startStandby } from '../../deploy/lab/postgres/startStandby.ts';
import { askPostgres } from './askPostgres.ts';

/**
 * A standby of production that waits for no reader. Production's vacuum ends reads of it: from here on it comes when a test wants it, and what it has cleared now,
 * nobody clears in passing.
 */
export async function startFollower(primary: PostgresServer, database: string): Promise<PostgresServer> {
  await askPostgres(primary.url(), 'alter system set autovacuum = off');
  await askPostgres(primary.url(), 'select pg_reload_conf()');
  await askPostgres(primary.url({ database }), 'vacuum');
  return startStandby({
    ...{ directory: join(primary.directory, '..', 'standby'), primary },
    settings: { ...withoutDurability, max_standby_streaming_delay: 0 },
  });
}
