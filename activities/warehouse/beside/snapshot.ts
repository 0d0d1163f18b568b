import { createInterface } from 'node:readline/promises';

import type pg from 'pg';

import { failure } from '../../failure.ts';
import { beginReading } from '../../postgres/transactions.ts';
import { literal } from '../../postgres/identifiers.ts';
import { type Connections, untilGone } from '../../postgres/connections.ts';
import { postgresFailure } from '../../postgres/connections.ts';
import { giveOrder, spawnKeeper } from '../keeperProcess.ts';
import { applicationOf, markOf } from '../sessionNames.ts';
import { conflictsInWords, isStandby } from '../../postgres/standby.ts';
import type { BesideCopy, HeldSnapshot } from './beside.contract.ts';
import type { KeeperOrder } from './snapshotKeeper.ts';

/** Begins the keeper, or answers the snapshot that the run's keeper already holds. */
export async function holdSnapshotOf(
  { session, urlOf }: Connections,
  copy: BesideCopy,
  { limitSeconds, idleSeconds }: { limitSeconds: number; idleSeconds: number },
): Promise<HeldSnapshot> {
  await session(copy.source, { application: applicationOf(copy, 'snapshot') }, (client) => endKeepers(client, copy));
  const child = spawnKeeper(new URL('./snapshotKeeper.ts', import.meta.url), 'pipe');
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  failed.catch(() => undefined);
  giveOrder(child, {
    url: await urlOf(copy.source),
    application: keeperName(copy),
    users: applicationOf(copy, ''),
    limitSeconds,
    idleSeconds,
  } satisfies KeeperOrder);
  const lines = createInterface({ input: child.stdout });
  const { value } = (await Promise.race([lines[Symbol.asyncIterator]().next(), failed])) as { value?: string };
  lines.close();
  child.stdout.destroy();
  child.unref();
  const answer = JSON.parse(value ?? '{"error":"the snapshot keeper ended without a message"}') as
    { id: string; backend: number; takenAt: string; error?: undefined } | { error: string };
  if (answer.error !== undefined) throw postgresFailure(copy.source, new Error(answer.error));
  return { id: answer.id, backend: answer.backend, takenAt: answer.takenAt };
}

/** Ends every keeper of the replica, this run's and those that earlier runs left. */
export async function releaseSnapshotOf({ session }: Connections, copy: BesideCopy): Promise<void> {
  await session(copy.source, { application: applicationOf(copy, 'release') }, (client) => endKeepers(client, copy));
}

/** The server ends a session a moment after it is told to: asked again until none is left, since until then the snapshot can be used. */
async function endKeepers(client: pg.ClientBase, { replica }: BesideCopy): Promise<void> {
  await untilGone(async () => {
    const { rowCount } = await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name like 'nightshift-keeper ' || $1 || ' %' and usename = current_user and pid <> pg_backend_pid()`,
      [markOf(replica)],
    );
    return !rowCount;
  });
}

/** Begins with another word than the sessions that keep it wanted. */
function keeperName({ replica, run }: BesideCopy): string {
  return `nightshift-keeper ${markOf(replica)} ${markOf(run)}`;
}

/** Begins a transaction that sees the source as the snapshot does. Fails with SnapshotLost. */
export async function beginInSnapshot(client: pg.ClientBase, snapshot: HeldSnapshot): Promise<void> {
  await beginReading(client);
  try {
    await client.query(`set transaction snapshot ${literal(snapshot.id)}`);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    // 22023: its session is gone; 42704 and 58P01: the server was restarted.
    if (!code || !['22023', '42704', '55000', '58P01'].includes(code)) throw error;
    await client.query('rollback');
    const why = (await isStandby(client)) ? `; the source is a standby: ${conflictsInWords}` : '';
    throw failure('SnapshotLost', `the snapshot ${snapshot.id} of ${snapshot.takenAt} is gone with its session: ${message}${why}`);
  }
}
