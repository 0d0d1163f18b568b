import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { askPostgres } from '../../support/askPostgres.ts';
import { openBesideBench, type BesideBench } from '../../support/besideBench.ts';
import { failsWith } from '../../support/failures.ts';
import { waitUntil } from '../../support/waitUntil.ts';

/** So slow that it would take hours over a thousand pages: one cost unit, then a pause. */
const slow = `autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_cost_delay = 100`;

describe('a swap while tables are under maintenance', { concurrency: 1 }, () => {
  let bench: BesideBench;
  /** As the server's administrator: others do not see what a vacuum works on. */
  const administer = (text: string) => askPostgres(bench.servers.target.url({ database: 'warehouse' }), text);
  const vacuums = async (kind: string) =>
    (
      await administer(
        `select from pg_stat_progress_vacuum join pg_stat_activity using (pid)
         where relid = 'public.pupils'::regclass and backend_type = '${kind}'`,
      )
    ).length;
  const built = async (run: string) => {
    const copy = bench.copy(run);
    await bench.build(copy);
    return copy;
  };

  before(async () => {
    bench = await openBesideBench();
    await bench.sql('source', `create table pupils as select id, repeat('x', 500) as text from generate_series(1, 20000) as id`);
    await bench.replicate(bench.copy('run-1'));
    await administer(`alter system set autovacuum_naptime = '1s'`);
    await administer('select pg_reload_conf()');
  });
  after(() => bench?.end());

  test('an autovacuum gives way to it', async () => {
    const copy = await built('run-2');
    await bench.sql(
      'target',
      `alter table public.pupils set (${slow}, autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);
       delete from public.pupils where id % 2 = 0`,
    );
    await waitUntil('autovacuum is at work', async () => (await vacuums('autovacuum worker')) > 0);
    await bench.act('swapBeside', { copy, limitSeconds: 60 });
    assert.deepEqual(await bench.sql('target', 'select count(*)::int as rows from public.pupils'), [{ rows: 20_000 }]);
    await bench.act('discardBeside', { copy });
  });

  test('what a person does is waited for, and nobody who reads or writes is held up by the wait', async () => {
    const copy = await built('run-3');
    const person = await bench.connect('target');
    try {
      await person.query('set vacuum_cost_limit = 1; set vacuum_cost_delay = 100');
      await bench.sql('target', 'delete from public.pupils where id % 2 = 0');
      const vacuuming = person.query('vacuum public.pupils').then(
        () => 'done',
        () => 'ended',
      );
      await waitUntil('the vacuum is at work', async () => (await vacuums('client backend')) > 0);
      await assert.rejects(bench.act('swapBeside', { copy, limitSeconds: 0 }), failsWith('TargetBusy', 'warehouse_owner'));

      const swapping = bench.act('swapBeside', { copy, limitSeconds: 300 });
      const waiting = (mode: string) =>
        administer(`select from pg_locks where relation = 'public.pupils'::regclass and not granted and mode = '${mode}'`);
      await waitUntil('the swap waits', async () => (await waiting('ShareUpdateExclusiveLock')).length > 0);
      // Both would stand behind a swap that waits for the lock of its move.
      await bench.sql('target', `set lock_timeout = '1ms'; insert into public.pupils values (0, ''); select count(*) from public.pupils`);
      assert.deepEqual(await waiting('AccessExclusiveLock'), []);
      await administer(`select pg_cancel_backend(${(person as unknown as { processID: number }).processID})`);
      assert.equal(await vacuuming, 'ended');
      await swapping;
      assert.deepEqual(await bench.sql('target', 'select count(*)::int as rows from public.pupils'), [{ rows: 20_000 }]);
    } finally {
      await person.end();
    }
  });
});
