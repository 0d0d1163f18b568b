import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createConnections } from '../../../activities/postgres/connections.ts';
import { openBesideBench, type BesideBench } from '../../support/besideBench.ts';
import { failsWith } from '../../support/failures.ts';
import { waitUntil } from '../../support/waitUntil.ts';

/** A server ends a session a moment after it was told to. Here that moment lasts: the session's process stands still. */
describe('a session that the server is slow to end', { concurrency: 1 }, () => {
  let bench: BesideBench;
  before(async () => {
    bench = await openBesideBench();
  });
  after(() => bench?.end());

  const server = { name: 'source', url: 'source' };
  const sessionsOf = (condition: string) =>
    bench.sql<{ pid: number; asked: string | null }>(
      'source',
      `select pid, query_start::text as asked from pg_stat_activity where ${condition}`,
    );
  /** @param asks which session looks whether the other one has gone. */
  const assertWaits = async (pid: number, work: Promise<unknown>, asks: string): Promise<void> => {
    let told = false;
    const settled = work.then(
      () => (told = true),
      () => (told = true),
    );
    try {
      const looks = new Set<string | null>();
      await waitUntil('it has looked a few times', async () => {
        for (const { asked } of await sessionsOf(asks)) looks.add(asked);
        return told || looks.size > 3;
      });
      assert.equal(told, false, 'the caller was told while the session was there');
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await settled;
    assert.deepEqual(await sessionsOf(`pid = ${pid}`), []);
  };

  test('is waited for by a cancel: what tidies up afterwards finds nothing that could still be done', async () => {
    const { session } = createConnections(async () => bench.urls.source);
    const cancelling = new AbortController();
    const work = session(server, { application: 'held', signal: cancelling.signal }, (client) => client.query('select pg_sleep(600)'));
    const refused = assert.rejects(work, { name: 'AbortError' });
    let pid = 0;
    await waitUntil('the statement is under way', async () => {
      [{ pid } = { pid: 0 }] = await sessionsOf(`application_name = 'held' and wait_event = 'PgSleep'`);
      return pid > 0;
    });
    process.kill(pid, 'SIGSTOP');
    cancelling.abort();
    await assertWaits(pid, work, `application_name = 'held cancel'`);
    await refused;
  });

  test('is not begun when the cancel comes while the connection is made', async () => {
    const cancelling = new AbortController();
    const { session } = createConnections(async () => {
      cancelling.abort();
      return bench.urls.source;
    });
    let begun = false;
    await assert.rejects(
      session(server, { application: 'late', signal: cancelling.signal }, async () => {
        begun = true;
      }),
      { name: 'AbortError' },
    );
    assert.equal(begun, false);
  });

  test('is waited for by whoever asks what became of its swap', async () => {
    const copy = bench.copy('lost');
    assert.equal(await bench.act('readSwap', { copy, act: 'swap' }), null);
    const swapping = await bench.connect('target');
    try {
      await swapping.query('begin');
      await swapping.query(
        `insert into nightshift.copy_checkpoint (replica, run, item, facts) values ('test', 'lost', 'swap', '{"moved": 3}')`,
      );
      let told = false;
      const seen = bench.act('readSwap', { copy, act: 'swap' }).finally(() => (told = true));
      await waitUntil('it waits', async () => {
        const waiting = await bench.sql(
          'target',
          `select from pg_stat_activity where application_name like 'nightshift % swapped' and wait_event_type = 'Lock'`,
        );
        return told || waiting.length > 0;
      });
      await swapping.query('commit');
      assert.deepEqual(await seen, { moved: 3 });
    } finally {
      await swapping.end();
    }
  });

  test('keeps no snapshot after its release', async () => {
    const copy = bench.copy('release');
    const snapshot = await bench.act('holdSnapshot', { copy, limitSeconds: 600, idleSeconds: 600 });
    process.kill(snapshot.backend, 'SIGSTOP');
    await assertWaits(snapshot.backend, bench.act('releaseSnapshot', { copy }), `application_name like 'nightshift % release'`);
    await assert.rejects(bench.act('defineBeside', { copy, snapshot, sharedTypes: [], limitSeconds: 30 }), failsWith('SnapshotLost'));
  });
});
