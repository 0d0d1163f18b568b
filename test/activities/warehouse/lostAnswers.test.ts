import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createClientTools } from '../../../activities/postgres/clientTools.ts';
import { createConnections } from '../../../activities/postgres/connections.ts';
import { createLearningContentActivities } from '../../../activities/lcms/learningContentActivities.ts';
import { createOpenDataActivities } from '../../../activities/openData/openDataActivities.ts';
import { createSchemaCopyActivities } from '../../../activities/warehouse/schemaCopy/schemaCopyActivities.ts';
import { startLcmsStandIn } from '../../../deploy/lab/pix/standIns/lcmsStandIn.ts';
import { openDataPath, startOpenDataStandIn } from '../../../deploy/lab/pix/standIns/openDataStandIn.ts';
import { tool } from '../../../deploy/setup/tools.ts';
import { openBesideBench, type BesideBench } from '../../support/besideBench.ts';
import { endings } from '../../support/endings.ts';
import { errorOf, failsWith } from '../../support/failures.ts';
import { activityRunner } from '../../support/runActivity.ts';
import { startLosingProxy, type LosingProxy } from '../../support/losingProxy.ts';

/** The warehouse is reached through a proxy that can cut the connection between a COMMIT and its answer. */
describe('an act whose answer was lost', { concurrency: 1 }, () => {
  let bench: BesideBench;
  let proxy: LosingProxy;
  let act: ReturnType<typeof activityRunner<ReturnType<typeof activitiesOver>>>;
  let lcms: Awaited<ReturnType<typeof startLcmsStandIn>>;
  let site: Awaited<ReturnType<typeof startOpenDataStandIn>>;
  const { atEnd, end } = endings();
  const activitiesOver = (urls: BesideBench['urls'], programs: string) => {
    const resolveSecret = async (name: string): Promise<string> => (name === 'key' ? 'key' : urls[name === 'source' ? 'source' : 'target']);
    const connections = createConnections(resolveSecret);
    return {
      ...createOpenDataActivities({ connections }),
      ...createLearningContentActivities({ connections, resolveSecret }),
      ...createSchemaCopyActivities({ connections, tools: createClientTools(programs) }),
    };
  };
  before(async () => {
    bench = await openBesideBench();
    atEnd(() => bench.end());
    proxy = await startLosingProxy(bench.servers.target.port);
    atEnd(() => proxy.close());
    lcms = await startLcmsStandIn({ key: 'key' });
    atEnd(() => lcms.stop());
    site = await startOpenDataStandIn({ rows: 20 });
    atEnd(() => site.stop());
    bench.urls.target = bench.urls.target.replace(/:\d+\//, `:${proxy.port}/`);
    act = activityRunner(activitiesOver(bench.urls, await tool('postgres')));
  });
  after(() => end());

  const target = { name: 'warehouse', url: 'target' };
  const ownerOf = (run: string) => ({ replica: 'pix', run });

  test('of the open data is told by the warehouse; the run’s next try answers it and asks the site for nothing', async () => {
    const replace = (run: string) =>
      act('replaceOpenData', {
        ...{ owner: ownerOf(run), target, schema: 'public', swapLimitSeconds: 300 },
        openData: { url: `${site.url}${openDataPath}`, rowsMax: 20, table: 'cpf' },
      });
    const read = (run: string) => act('readOpenData', { owner: ownerOf(run), target });
    // The first COMMIT is that of our own tables: nothing was replaced.
    proxy.loseAnswer();
    await assert.rejects(replace('one'), failsWith('PostgresUnreachable'));
    assert.equal(await read('one'), null);
    proxy.loseAnswer();
    await assert.rejects(replace('one'), failsWith('PostgresUnreachable'));
    const report = await read('one');
    assert.equal(report?.rows, 20);
    const asked = site.requests.length;
    assert.deepEqual(await replace('one'), report);
    assert.equal(site.requests.length, asked);
    site.set({ kind: 'empty' });
    assert.equal((await errorOf(replace('two'))).type, 'HttpUnexpectedAnswer');
    assert.equal(await read('two'), null);
    site.set({});
  });

  test('of the learning content is told by the warehouse; the run’s next try answers it', async () => {
    const replace = (run: string) =>
      act('replaceLearningContent', {
        ...{ owner: ownerOf(run), target, schema: 'public', swapLimitSeconds: 300 },
        content: { url: lcms.url, apiKey: 'key', app: 'pix-db-replication', limitSeconds: 60 },
      });
    const read = (run: string) => act('readLearningContent', { owner: ownerOf(run), target });
    assert.equal(await read('one'), null);
    proxy.loseAnswer();
    await assert.rejects(replace('one'), failsWith('PostgresUnreachable'));
    const report = await read('one');
    assert.ok((report?.rows.challenges ?? 0) > 0);
    const [table] = await bench.sql<{ oid: string }>('target', `select 'public.areas'::regclass::oid as oid`);
    assert.deepEqual(await replace('one'), report);
    assert.deepEqual(await bench.sql('target', `select 'public.areas'::regclass::oid as oid`), [table]);
  });

  test('of a schema copy is told by the tables themselves; the other database gets nothing of ours', async () => {
    // The warehouse is the source here, and the other database lies behind the proxy.
    await bench.sql('source', 'create table public.users (id int); create view public.people as select id from public.users');
    const copy = { source: { name: 'warehouse', url: 'source' }, target: { name: 'schema copy', url: 'target' } };
    const play = (run: string) => act('copySchema', { owner: ownerOf(run), copy });
    const read = (run: string) => act('readSchemaCopy', { owner: ownerOf(run), copy });
    await bench.sql('target', 'drop schema nightshift cascade');
    for (const run of ['first', 'second']) {
      assert.equal(await read(run), null);
      proxy.loseAnswer();
      await assert.rejects(play(run), failsWith('PostgresUnreachable'));
      const report = await read(run);
      assert.ok((report?.entries ?? 0) >= 2);
      const before_ = await bench.sql('target', `select 'public.users'::regclass::oid as oid`);
      assert.deepEqual(await play(run), report);
      assert.deepEqual(await bench.sql('target', `select 'public.users'::regclass::oid as oid`), before_);
    }
    await bench.sql('target', 'create view public.theirs as select id from public.users');
    await assert.rejects(play('third'), failsWith('PostgresFailed', 'theirs'));
    assert.equal(await read('third'), null);
    assert.deepEqual(await bench.sql('target', `select nspname from pg_namespace where nspname = 'nightshift'`), []);
  });
});
