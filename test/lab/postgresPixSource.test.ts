import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { learningContent } from '../../deploy/lab/pix/standIns/learningContent.ts';
import { compareTables } from '../../deploy/lab/postgres/compareTables.ts';
import { advancePixSource, fillPixSource } from '../../deploy/lab/pix/source/pixSource.ts';
import { pixSourceTables } from '../../deploy/lab/pix/source/sourceRows.ts';
import { withoutDurability, type PostgresServer, type PostgresVersion } from '../../deploy/lab/postgres/postgres.contract.ts';
import { startPostgres } from '../../deploy/lab/postgres/startPostgres.ts';
import { findDebianPostgres } from '../../deploy/setup/debianPostgres.ts';
import { askPostgres } from '../support/askPostgres.ts';

const rows = 2000;
const directory = mkdtempSync(join(tmpdir(), 'pix-source-'));
const servers: PostgresServer[] = [];
let first = '';
let second = '';

async function open(version: PostgresVersion): Promise<PostgresServer> {
  const server = await startPostgres({ directory: join(directory, version), version, settings: withoutDurability });
  servers.push(server);
  return server;
}

async function differing(source: string, target: string): Promise<string[]> {
  const compared = await compareTables({ source, target, tables: pixSourceTables });
  return compared.filter(({ equal }) => !equal).map(({ table }) => table);
}

before(async () => {
  const server = await open('18');
  first = await server.createDatabase({ name: 'first', owner: 'pix', password: 'pix' });
  second = await server.createDatabase({ name: 'second', owner: 'pix', password: 'pix' });
  await fillPixSource({ url: first, rows });
  await fillPixSource({ url: second, rows });
});
after(async () => {
  for (const server of servers) await server.remove();
  rmSync(directory, { recursive: true, force: true });
});

describe('a Pix production database of the lab', () => {
  it('has about as many rows as were asked for, none of its tables is empty, and the same rows come for the same number', async () => {
    const compared = await compareTables({ source: first, target: second, tables: pixSourceTables });
    assert.deepEqual(
      compared.filter(({ equal, source }) => !equal || !source?.rows),
      [],
    );
    const total = compared.reduce((sum, { source }) => sum + (source?.rows ?? 0), 0);
    assert.ok(Math.abs(total - rows) < rows / 20, `${total} rows`);
  });

  it('holds what makes a copy hard: every kind of object, and names that look alike', async () => {
    const [kinds] = await askPostgres<object>(
      first,
      `SELECT count(*) FILTER (WHERE relkind = 'p') AS partitioned, count(*) FILTER (WHERE relkind = 'v') AS views,
         count(*) FILTER (WHERE relkind = 'm') AS materialized, count(*) FILTER (WHERE relkind = 'S') > 10 AS sequences,
         (SELECT count(*) FROM pg_type t WHERE t.typnamespace = 'public'::regnamespace AND typtype = 'e') AS enums,
         (SELECT count(*) FROM pg_type t WHERE t.typnamespace = 'public'::regnamespace AND typtype = 'd') AS domains,
         (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname = 'pixScore') AS overloaded,
         (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosqlbody IS NOT NULL) AS atomic,
         (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal) AS triggers,
         (SELECT count(*) FROM pg_attribute WHERE attgenerated = 's' AND attrelid IN ('users'::regclass, '"activity-logs"'::regclass)) AS generated
       FROM pg_class WHERE relnamespace = 'public'::regnamespace`,
    );
    assert.deepEqual(kinds, {
      ...{ partitioned: '1', views: '3', materialized: '1', sequences: true, enums: '3', domains: '2' },
      ...{ overloaded: '2', atomic: '1', triggers: '2', generated: '2' },
    });
    const names = await askPostgres<{ relname: string }>(
      first,
      "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    );
    for (const name of ['answers', 'element-answers', 'badge-acquisitions', 'badge_acquisitions', '_migrations'])
      assert.ok(
        names.some(({ relname }) => relname === name),
        name,
      );
    assert.ok(!names.some(({ relname }) => relname === 'schooling-registrations'));
    const texts = await askPostgres<{ value: string }>(first, 'SELECT DISTINCT value FROM answers');
    for (const text of ['\\N', '\\.', 'deux\nlignes', '日本語 😀', '', 'C:\\temp\\n', '{a,"b",NULL}'])
      assert.ok(
        texts.some(({ value }) => value === text),
        JSON.stringify(text),
      );
  });

  it('speaks of skills, competences and challenges that the stand-in for the learning content has', async () => {
    const content = learningContent(1);
    for (const [table, column, kind] of [
      ['knowledge-elements', 'skillId', 'skills'],
      ['knowledge-elements', 'competenceId', 'competences'],
      ['answers', 'challengeId', 'challenges'],
    ] as const) {
      const known = new Set(content[kind].map(({ id }) => id));
      const found = await askPostgres<{ id: string }>(first, `SELECT DISTINCT "${column}" AS id FROM "${table}"`);
      assert.deepEqual(
        found.filter(({ id }) => !known.has(id)),
        [],
        column,
      );
    }
  });

  it('has the foreign keys that the set-up of the incremental copy drops', async () => {
    const keys = await askPostgres<{ name: string }>(
      first,
      `SELECT conname AS name FROM pg_constraint WHERE contype = 'f'
       AND conrelid IN ('answers'::regclass, '"knowledge-elements"'::regclass) ORDER BY conname COLLATE "C"`,
    );
    assert.deepEqual(
      keys.map(({ name }) => name),
      [
        'answers_assessmentid_foreign',
        'knowledge_elements_answerid_foreign',
        'knowledge_elements_assessmentid_foreign',
        'knowledge_elements_userid_foreign',
      ],
    );
  });

  it('is compared row by row: one changed value, or a table that is not there, is seen', async () => {
    await askPostgres(second, `UPDATE answers SET value = value || ' ' WHERE id = 7`);
    assert.deepEqual(await differing(first, second), ['answers']);
    await askPostgres(second, 'UPDATE answers SET value = left(value, -1) WHERE id = 7');
    assert.deepEqual(await differing(first, second), []);
    assert.deepEqual(await compareTables({ source: first, target: second, tables: ['none'] }), [
      { table: 'none', source: null, target: null, equal: false },
    ]);
  });

  it('lets days pass: append-only tables grow, the others are changed and lose rows too', async () => {
    await advancePixSource({ url: first, rows: 200 });
    await advancePixSource({ url: first, rows: 200 });
    assert.deepEqual(
      await differing(first, second),
      pixSourceTables.filter((table) => table !== '_migrations'),
    );
    const [kept] = await askPostgres<{ answers: string; learners: string; next: boolean }>(
      first,
      `SELECT (SELECT count(*) FROM answers WHERE id <= 640) AS answers, (SELECT count(*) FROM "organization-learners" WHERE id % 50 = 0) AS learners,
         nextval('answers_id_seq') > (SELECT max(id) FROM answers) AS next`,
    );
    assert.deepEqual(kept, { answers: '640', learners: '0', next: true });
    await advancePixSource({ url: second, rows: 200 });
    await advancePixSource({ url: second, rows: 200 });
    assert.deepEqual(await differing(first, second), []);
  });

  it('is the same on PostgreSQL 15', { skip: findDebianPostgres() ? false : 'NOT TESTED: postgresql-15 is not installed' }, async () => {
    const server = await open('15');
    const older = await server.createDatabase({ name: 'older', owner: 'pix', password: 'pix' });
    const newer = await (servers[0] as PostgresServer).createDatabase({ name: 'newer', owner: 'pix', password: 'pix' });
    for (const url of [older, newer]) await fillPixSource({ url, rows: 300 });
    assert.deepEqual(await differing(older, newer), []);
  });
});
