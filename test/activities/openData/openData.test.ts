import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';

import { CancelledFailure } from '@temporalio/common';
import pg from 'pg';

import { createConnections } from '../../../activities/postgres/connections.ts';
import { columnsOf } from '../../../activities/openData/columns.ts';
import { fetchOpenData } from '../../../activities/openData/fetchOpenData.ts';
import type { OpenDataReport } from '../../../activities/openData/openData.contract.ts';
import { createOpenDataActivities } from '../../../activities/openData/openDataActivities.ts';
import { openDataPath, startOpenDataStandIn } from '../../../deploy/lab/pix/standIns/openDataStandIn.ts';
import { openBesideBench, type BesideBench } from '../../support/besideBench.ts';
import { errorOf } from '../../support/failures.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { beginActivity, runActivity } from '../../support/runActivity.ts';

const table = 'cpf-list';

test('the type of a column is that of all its values, text otherwise; one without values keeps the type it had', () => {
  const records = [
    { n: 1, flag: true, mixed: 'a', list: ['x'], none: null, unknown: null },
    { n: 2.5, flag: null, mixed: 7, list: null, none: null, late: 'only here' },
  ];
  assert.deepEqual(
    columnsOf(records, new Map([['none', 'numeric']])).map(({ name, type }) => `${name} ${type}`),
    ['n numeric', 'flag boolean', 'mixed text', 'list jsonb', 'none numeric', 'unknown text', 'late text'],
  );
  assert.throws(() => columnsOf([{ a: 'x\0y' }, { ['é'.repeat(40)]: 1 }], new Map()), /2 faults: row 0, field a: holds a NUL.*row 1/);
});

describe('the open data of the CPF list', { concurrency: 1 }, () => {
  let bench: BesideBench;
  let site: Awaited<ReturnType<typeof startOpenDataStandIn>>;
  let act: ReturnType<typeof createOpenDataActivities>;
  before(async () => {
    bench = await openBesideBench();
    site = await startOpenDataStandIn({ rows: 250 });
    act = createOpenDataActivities({ connections: createConnections(async () => bench.urls.target) });
  });
  beforeEach(() => site.set({}));
  after(async () => {
    await site?.stop();
    await bench?.end();
  });

  let runs = 0;
  const request = (changes: { run?: string; rowsMax?: number; swapLimitSeconds?: number } = {}) => ({
    owner: { replica: 'pix', run: changes.run ?? `run-${(runs += 1)}` },
    ...{ target: { name: 'warehouse', url: 'target' }, schema: 'public', swapLimitSeconds: changes.swapLimitSeconds ?? 300 },
    openData: { url: `${site.url}${openDataPath}`, rowsMax: changes.rowsMax ?? 2000, table },
  });
  const replace = (changes = {}): Promise<OpenDataReport> => runActivity(() => act.replaceOpenData(request(changes)));
  const count = async (): Promise<number> =>
    Number((await bench.sql<{ n: string }>('target', `select count(*) as n from "${table}"`))[0]?.n);

  test('comes page by page into a table without keys, every character as it is', async () => {
    const report = await replace();
    assert.deepEqual([report.rows, report.totalCount], [250, 250]);
    assert.deepEqual(
      site.requests.map(({ query }) => `${query.limit}/${query.offset}`),
      ['100/0', '100/100', '100/200'],
    );
    const rows = await bench.sql(
      'target',
      `select nom_of, intitule_formation, nombre_heures, code_certifinfo from "${table}" where siren = '300000000'`,
    );
    assert.deepEqual(rows, [
      {
        nom_of: `L'organisme "0"`,
        intitule_formation: 'Formation 0, tabulation\tet\nretour \\N',
        nombre_heures: null,
        code_certifinfo: null,
      },
    ]);
    assert.deepEqual(
      await bench.sql('target', `select conname from pg_constraint where conrelid = '"${table}"'::regclass and contype <> 'n'`),
      [],
    );
    assert.deepEqual(await bench.sql('target', `select nspname from pg_namespace where nspname like 'nightshift\\_%'`), []);
    await runActivity(() => act.checkOpenData({ ...request(), table, rows: 250 }));
    assert.equal((await errorOf(runActivity(() => act.checkOpenData({ ...request(), table, rows: 251 })))).type, 'ReplicaNotVerified');
  });

  test('at most so many rows are taken as are allowed', async () => {
    const report = await replace({ rowsMax: 130 });
    assert.deepEqual([report.rows, report.totalCount, await count()], [130, 250, 130]);
  });

  test('grants and views of other people stay, an index that is not there any more is told, and a reader never misses the table', async () => {
    const superuser = new pg.Client({ connectionString: bench.servers.target.url() });
    await superuser.connect();
    await superuser.query('create role open_data_reader');
    await superuser.end();
    await bench.sql(
      'target',
      `grant select on "${table}" to open_data_reader; create index by_siren on "${table}" (siren); create view organisations as select distinct nom_of from "${table}"`,
    );
    let [reading, reads] = [true, 0];
    const seen = new Set<number>();
    const reader = (async () => {
      const client = await bench.connect('target');
      try {
        while (reading) {
          const { rows } = await client.query<{ n: string }>(`select count(*) as n from "${table}"`);
          seen.add(Number(rows[0]?.n));
          reads += 1;
        }
      } finally {
        reading = false;
        await client.end();
      }
    })();
    const hasReadAgain = async (): Promise<void> => {
      const before_ = reads;
      // One more than the read that was under way.
      await waitUntil('the reader has read again', () => !reading || reads > before_ + 1);
    };
    const read = async (): Promise<OpenDataReport> => {
      await hasReadAgain();
      const replaced = await replace();
      await hasReadAgain();
      return replaced;
    };
    const report = await read().finally(() => (reading = false));
    await reader;
    assert.deepEqual([...seen], [130, 250]);
    assert.deepEqual(report.lost, ['index by_siren']);
    assert.deepEqual(report.rebound, ['public.organisations']);
    const [granted] = await bench.sql<{ may: boolean }>(
      'target',
      `select has_table_privilege('open_data_reader', '"${table}"', 'select') as may`,
    );
    assert.equal(granted?.may, true);
    await bench.sql('target', 'select * from organisations');
  });

  test('an empty list, one that changes while it is read, or no JSON is a failure, and the former table stays', async () => {
    for (const [kind, words] of [
      ['empty', /is empty/],
      ['shrinks', /had 250 rows and has 125/],
      ['notJson', /not JSON/],
    ] as const) {
      site.set({ kind });
      const error = await errorOf(replace());
      assert.equal(error.type, 'HttpUnexpectedAnswer');
      assert.match(error.message, words);
      assert.equal(await count(), 250);
    }
  });

  test('a page that fails with 5xx is asked for again, a few times', async () => {
    const before_ = site.requests.length;
    site.set({ kind: 'serverError' });
    const fetched = fetchOpenData({ url: `${site.url}${openDataPath}`, rowsMax: 100, signal: new AbortController().signal, pauseMs: 20 });
    await waitUntil('it was refused twice', () => site.requests.length >= before_ + 2);
    site.set({});
    assert.equal((await fetched).records.length, 100);
    site.set({ kind: 'serverError' });
    const error = await errorOf(
      fetchOpenData({ url: `${site.url}${openDataPath}`, rowsMax: 100, signal: new AbortController().signal, pauseMs: 1 }),
    );
    assert.equal(error.type, 'HttpUnexpectedAnswer');
    assert.match(error.message, /answered 500, 4 times/);
  });

  test('records that are none, and a page that is empty before the end, are told with their row', async () => {
    let body = '';
    const server = createServer((_, answer) => answer.end(body)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/records`;
    try {
      for (const [text, words] of [
        ['{"total_count":2,"results":[{"a":1},7]}', /row 1 something that is not a record/],
        ['{"total_count":2,"results":[]}', /gave none from row 0/],
        ['{"results":[]}', /no total_count/],
        ['[]', /no total_count/],
      ] as const) {
        body = text;
        await assert.rejects(fetchOpenData({ url, rowsMax: 10, signal: new AbortController().signal }), words);
      }
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('cancelled before an answer or while readers hold the table, it changes nothing', async () => {
    site.set({ kind: 'never' });
    const asked = site.requests.length;
    const waiting = beginActivity(() => act.replaceOpenData(request()));
    await waitUntil('the site is asked', () => site.requests.length > asked);
    waiting.cancel();
    await assert.rejects(waiting.result, CancelledFailure);
    site.set({});
    const holder = await bench.connect('target');
    try {
      await holder.query(`begin; select from "${table}"`);
      const running = beginActivity(() => act.replaceOpenData(request({ rowsMax: 10, swapLimitSeconds: 600 })));
      await waitUntil(
        'it waits for the reader',
        async () =>
          (
            await bench.sql(
              'target',
              `select from pg_stat_activity where application_name = 'nightshift open data' and wait_event_type = 'Lock'`,
            )
          ).length > 0,
      );
      running.cancel();
      await assert.rejects(running.result, CancelledFailure);
      const busy = await errorOf(replace({ swapLimitSeconds: 0.1 }));
      assert.equal(busy.type, 'TargetBusy');
    } finally {
      await holder.end();
    }
    assert.equal(await count(), 250);
    assert.deepEqual(await bench.sql('target', `select nspname from pg_namespace where nspname like 'nightshift\\_%'`), []);
  });

  test('what cannot be moved is said, and stays', async () => {
    await bench.sql('target', `create materialized view frozen as select siren from "${table}"`);
    const error = await errorOf(replace());
    assert.equal(error.type, 'BesideNotPossible');
    assert.match(error.message, /frozen/);
    await bench.sql('target', 'drop materialized view frozen');
  });
});
