import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createConnections, type Connections } from '../../../activities/postgres/connections.ts';
import { readRows, withColumns, type RowsWanted } from '../../../activities/postgres/readRows.ts';
import { openBesideBench, type BesideBench } from '../../support/besideBench.ts';
import { errorOf, failsWith } from '../../support/failures.ts';
import { waitUntil } from '../../support/waitUntil.ts';

describe('rows of a query', { concurrency: 1 }, () => {
  let bench: BesideBench;
  let connections: Connections;
  const server = { name: 'warehouse', url: 'target' };
  const application = 'nightshift read rows';
  before(async () => {
    bench = await openBesideBench();
    connections = createConnections(async () => bench.urls.target);
    await bench.sql(
      'target',
      `create schema shop; create table shop.orders as select n as id, 'order ' || n as label from generate_series(1, 5000) n`,
    );
  });
  after(() => bench?.end());

  const read = <Row>(wanted: Pick<RowsWanted<Row>, 'sql' | 'parse'> & Partial<RowsWanted<Row>>, signal?: AbortSignal) =>
    connections.session(server, { application, ...(signal ? { signal } : {}) }, (client) =>
      readRows(client, { searchPath: 'shop', rowsMax: 10_000, bytesMax: 1_000_000, limitSeconds: 60, ...wanted }),
    );
  const orders = withColumns('id', 'label');

  test('come as text with the columns that were expected, for the values that were given', async () => {
    const { rows, columns } = await read({
      sql: 'select label, id from orders where label = $1;',
      values: ["order 7' or true"],
      parse: orders,
    });
    assert.deepEqual([rows, columns], [[], ['label', 'id']]);
    const found = await read({ sql: 'select label, id from orders where id = $1', values: [7], parse: orders });
    assert.deepEqual(found.rows, [{ label: 'order 7', id: '7' }]);
    const times = await read({ sql: `select timestamp '2026-03-29 02:30' as at, null as nothing`, parse: (row) => row });
    assert.deepEqual(times.rows, [{ at: '2026-03-29 02:30:00', nothing: null }]);
    const { message } = await errorOf(read({ sql: 'select id from orders', parse: orders }));
    assert.match(message, /the columns id, label were expected, id came/);
  });

  test('are no more than were wanted; an answer of too many bytes, or that takes too long, fails', async () => {
    const all = await read({ sql: 'select id, label from orders', parse: ({ id }) => Number(id) });
    assert.equal(new Set(all.rows).size, 5000);
    const some = await read({ sql: 'select id, label from orders', rowsMax: 1_500, parse: orders });
    assert.equal(some.rows.length, 1_500);
    await assert.rejects(
      read({ sql: 'select id, label from orders', bytesMax: 20_000, parse: orders }),
      failsWith('PostgresFailed', /longer than 20000 bytes/),
    );
    await assert.rejects(
      read({ sql: 'select pg_sleep(30)', limitSeconds: 1, parse: (row) => row }),
      failsWith('PostgresBusy', /statement timeout/),
    );
  });

  test('leave nothing written and no transaction behind, whatever the statement is', async () => {
    await bench.sql(
      'target',
      `create function shop.grow() returns int language sql as 'insert into shop.orders values (0, null); select 1'`,
    );
    await connections.session(server, { application }, async (client) => {
      const wanted = { searchPath: 'shop', rowsMax: 1, bytesMax: 1_000, limitSeconds: 60, parse: (row: object) => row };
      for (const sql of ['select grow()', 'select 1; commit; drop table orders', 'delete from orders returning id'])
        await assert.rejects(readRows(client, { ...wanted, sql }), sql);
      // The session goes on with the limits that it had.
      const { rows } = await client.query<{ limit: string; open: boolean }>(
        `select current_setting('statement_timeout') as limit, now() <> statement_timestamp() as open`,
      );
      assert.deepEqual(rows, [{ limit: '0', open: false }]);
    });
    assert.deepEqual(await bench.sql('target', 'select count(*)::int as count from shop.orders'), [{ count: 5000 }]);
  });

  test('stop coming when it is cancelled, on the server too', async () => {
    const cancel = new AbortController();
    const reading = read({ sql: 'select pg_sleep(300)', limitSeconds: 300, parse: (row) => row }, cancel.signal);
    const outcome = errorOf(reading);
    const sessions = () =>
      bench.sql('target', `select from pg_stat_activity where application_name = '${application}' and state = 'active'`);
    await waitUntil('the server reads', async () => (await sessions()).length === 1);
    cancel.abort();
    await outcome;
    assert.equal((await sessions()).length, 0);
  });
});
