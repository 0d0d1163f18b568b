// A process of its own that holds a snapshot of the source while workers come and go. Reads one JSON line from standard input
// (so that the URL stands in no argument and no environment), prints the snapshot as one JSON line, and then is silent.
// It ends when its limit is over, when no session of its run was seen for a while, when its session is terminated, or on SIGTERM.
import { setTimeout as pause } from 'node:timers/promises';

import pg from 'pg';

import { beginReading } from '../../postgres/transactions.ts';
import { readOrder } from '../keeperProcess.ts';

export interface KeeperOrder {
  url: string;
  application: string;
  /** Sessions whose application_name begins so keep the snapshot wanted. */
  users: string;
  limitSeconds: number;
  idleSeconds: number;
}

const pollMs = 10_000;

async function main(): Promise<void> {
  const { url, application, users, limitSeconds, idleSeconds } = await readOrder<KeeperOrder>();
  const client = new pg.Client({ connectionString: url, application_name: application, keepAlive: true });
  client.on('error', () => process.exit(1));
  process.on('SIGTERM', () => process.exit(0));
  // The worker that began us may be gone: nobody reads us then.
  process.stdout.on('error', () => undefined);
  await client.connect();
  await client.query('set idle_in_transaction_session_timeout = 0');
  await client.query('set statement_timeout = 0');
  await beginReading(client);
  const { rows } = await client.query<{ id: string; backend: number; takenAt: Date }>(
    'select pg_export_snapshot() as id, pg_backend_pid() as backend, now() as "takenAt"',
  );
  process.stdout.write(`${JSON.stringify(rows[0])}\n`);
  const watcher = new pg.Client({ connectionString: url, application_name: `${application} watch`.slice(0, 63), keepAlive: true });
  watcher.on('error', () => process.exit(1));
  await watcher.connect();
  const beganMs = performance.now();
  let seenMs = beganMs;
  while (performance.now() - beganMs < limitSeconds * 1000 && performance.now() - seenMs < idleSeconds * 1000) {
    await pause(Math.min(pollMs, idleSeconds * 250));
    const { rows: found } = await watcher.query('select from pg_stat_activity where starts_with(application_name, $1) limit 1', [users]);
    if (found.length > 0) seenMs = performance.now();
  }
  await client.end();
  await watcher.end();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stdout.write(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`);
    process.exit(1);
  },
);
