import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import pg from 'pg';

import { loadLearningContent, type ContentLoad } from '../../../activities/lcms/loadLearningContent.ts';
import { contentTableNames } from '../../../activities/lcms/learningContent.contract.ts';
import type { LearningContentReport } from '../../../activities/lcms/learningContent.contract.ts';
import { withoutDurability, type PostgresServer } from '../../../deploy/lab/postgres/postgres.contract.ts';
import { startPostgres } from '../../../deploy/lab/postgres/startPostgres.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { exampleContent } from './exampleContent.ts';

const schemas = { schema: 'public', workSchema: 'content work', previousSchema: 'content_before' };

describe('loading the learning content', () => {
  let directory: string;
  let server: PostgresServer;
  let ownerUrl: string;
  let client: pg.Client;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ns-content-'));
    server = await startPostgres({ directory: join(directory, 'target'), settings: withoutDurability });
    ownerUrl = await server.createDatabase({ name: 'warehouse', owner: 'warehouse', password: 'w' });
    client = await connect(ownerUrl);
    await asSuperuser('create role analyst login password $$a$$');
  });
  after(async () => {
    await client?.end().catch(() => undefined);
    await server?.stop();
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await client.query('drop schema public cascade');
    for (const schema of [schemas.workSchema, schemas.previousSchema]) await client.query(`drop schema if exists "${schema}" cascade`);
    await client.query('create schema public; grant usage on schema public to analyst');
  });

  async function connect(url: string): Promise<pg.Client> {
    const opened = new pg.Client({ connectionString: url });
    await opened.connect();
    return opened;
  }
  async function asSuperuser(sql: string): Promise<void> {
    const superuser = await connect(server.url({ database: 'warehouse' }));
    await superuser.query(sql.replaceAll('$$', "'")).finally(() => superuser.end());
  }
  const load = (over: Partial<ContentLoad> = {}): Promise<LearningContentReport> =>
    loadLearningContent({ body: exampleContent(), client, ...schemas, ...over });
  async function column<T>(sql: string, from: pg.Client = client): Promise<T[]> {
    const { rows } = await from.query<T[]>({ text: sql, rowMode: 'array' });
    return rows.map(([value]) => value as T);
  }
  const tablesOf = (schema: string): Promise<string[]> =>
    column(`select relname::text from pg_class where relnamespace = '"${schema}"'::regnamespace and relkind = 'r' order by 1`);
  const names = [...contentTableNames].sort();

  test('gives every value back as it was sent, whatever characters it holds', async () => {
    const { rows } = await load();
    assert.deepEqual(rows, Object.fromEntries(contentTableNames.map((name) => [name, 1])));
    const { rows: tutorials } = await client.query('select * from tutorials');
    assert.deepEqual(tutorials, [...(exampleContent().tutorials ?? [])]);
    const { rows: challenges } = await client.query<Record<string, unknown>>(
      `select *, "archivedAt"::text as archived, "validatedAt" at time zone 'UTC' = '2021-01-09' as validated from challenges`,
    );
    const { skillIds, languages, instruction, urlsToConsult, alpha, delta, timer, archived, validated } = challenges[0] ?? {};
    assert.deepEqual(
      { skillIds, languages, instruction, urlsToConsult, alpha, delta, timer, archived, validated },
      {
        skillIds: ['skill1'],
        languages: ['fr', 'en'],
        instruction: '\\N',
        urlsToConsult: ['https://a.example/?x={1,2}'],
        alpha: '1.0000001',
        delta: '-0.5',
        timer: null,
        archived: '2021-03-28 00:30:00.123456+00',
        validated: true,
      },
    );
    assert.deepEqual(await column('select "pixValue" from skills'), ['1.23457']);
    assert.deepEqual(await column('select "practicalDescription" from tubes'), ['Deux\nlignes\tet une tabulation']);
    assert.deepEqual(
      await column(`select indexname::text from pg_indexes where schemaname = 'public' and indexname like '%idx' order by 1`),
      ['challenges_firstSkillId_idx', 'competences_areaId_idx', 'skills_tubeId_idx', 'tubes_competenceId_idx', 'tutorials_title_idx'],
    );
  });

  test('keeps the former tables until the next load, and leaves other tables alone', async () => {
    await client.query('create table other (id int)');
    await load();
    await load({ body: exampleContent({ areas: { name: 'second' } }) });
    await load({ body: exampleContent({ areas: { name: 'third' } }) });
    assert.deepEqual(await column('select name from areas'), ['third']);
    assert.deepEqual(await column('select name from content_before.areas'), ['second']);
    assert.deepEqual(await tablesOf('public'), [...names, 'other'].sort());
    assert.deepEqual(await tablesOf(schemas.workSchema), []);
  });

  test('carries grants over, and gives default privileges to tables that are new', async () => {
    await client.query('alter default privileges in schema public grant select on tables to analyst');
    await load();
    await client.query('revoke select on courses from analyst; grant update (name), select (id) on courses to analyst');
    await load();
    const may = `select has_table_privilege('analyst', oid, 'select') from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`;
    assert.deepEqual(await column(`${may} and relname <> 'courses'`), Array(7).fill(true));
    assert.deepEqual(await column(`${may} and relname = 'courses'`), [false]);
    assert.deepEqual(await column(`select has_column_privilege('analyst', 'courses', 'name', 'update')`), [true]);
  });

  test('leaves views of other people bound to the new tables', async () => {
    await load();
    await client.query(
      `create view "Areas seen" as select upper(name) as name from areas; create view over_it as select * from "Areas seen"`,
    );
    const { rebound } = await load({ body: exampleContent({ areas: { name: 'new' } }) });
    assert.deepEqual(await column('select name from over_it'), ['NEW']);
    assert.deepEqual(rebound, ['public."Areas seen"']);
  });

  test('changes nothing when the answer has faults, and tells them all', async () => {
    await load({ body: exampleContent({ areas: { name: 'in use' } }) });
    const { tutorials, ...rest } = exampleContent({ challenges: { autoReply: 'oui' } });
    assert.ok(tutorials);
    await assert.rejects(load({ body: rest }), ({ type, message }: Error & { type?: string }) => {
      assert.equal(type, 'LearningContentInvalid');
      assert.match(
        message,
        /2 faults: challenges\[0\]\.autoReply \(ch1\): must be true or false, is the text "oui"; tutorials: the array is missing/,
      );
      return true;
    });
    await assert.rejects(load({ body: '' }), { type: 'LearningContentInvalid' });
    assert.deepEqual(await column('select name from areas'), ['in use']);
  });

  test('changes nothing when something cannot be moved, and names it', async () => {
    await load({ body: exampleContent({ areas: { name: 'in use' } }) });
    await client.query('create table mine (area text references areas)');
    await assert.rejects(load(), { type: 'BesideNotPossible', message: /would keep the old one: table (public\.)?mine/ });
    await client.query('drop table mine; alter table areas rename to kept; create view areas as select * from kept');
    await assert.rejects(load(), { type: 'BesideNotPossible', message: /view areas/ });
    assert.deepEqual(await column('select name from areas'), ['in use']);
    assert.deepEqual(await column(`select 1 from pg_namespace where nspname = '${schemas.workSchema}'`), [1]);
    assert.deepEqual(await tablesOf(schemas.workSchema), []);
  });

  test('gives way to a reader that holds a table, then takes its turn; the reader never waits for a deadlock', async () => {
    await load();
    const reader = await connect(ownerUrl);
    try {
      await reader.query('begin; select * from challenges');
      let done = false;
      const loading = load({ body: exampleContent({ areas: { name: 'after' } }) }).finally(() => (done = true));
      const blocked = `select 1 from pg_locks where not granted and relation = 'public.challenges'::regclass`;
      await waitUntil('the load waits for the reader', async () => done || (await reader.query(blocked)).rows.length > 0);
      await waitUntil('the load has given way', async () => done || (await reader.query(blocked)).rows.length === 0);
      assert.equal(done, false);
      assert.equal((await reader.query('select * from areas, skills')).rows.length, 1);
      await reader.query('commit');
      const { yielded } = await loading;
      assert.ok(yielded >= 1);
      assert.deepEqual(await column('select name from areas', reader), ['after']);
    } finally {
      await reader.end();
    }
  });

  test('gives up with the holders named when readers leave no moment', async () => {
    await load();
    const reader = await connect(ownerUrl);
    try {
      await reader.query(`set application_name = 'long report'; begin; select * from challenges`);
      await assert.rejects(load({ swapLimitSeconds: 0 }), { type: 'TargetBusy', message: /held by pid \d+ \(warehouse, long report/ });
    } finally {
      await reader.end();
    }
    assert.deepEqual(await tablesOf('public'), names);
  });

  test('is whole for a reader whose snapshot is older than the load', async () => {
    await load();
    const reader = await connect(ownerUrl);
    try {
      await reader.query('begin isolation level repeatable read; select 1');
      await load();
      for (const name of contentTableNames) assert.deepEqual(await column(`select count(*)::int from ${name}`, reader), [1], name);
    } finally {
      await reader.end();
    }
  });

  test('is never seen missing or empty by readers while load follows load', async () => {
    await load();
    const reader = await connect(ownerUrl);
    let ended = false;
    let reads = 0;
    const all = `select ${contentTableNames.map((name) => `(select count(*)::int from ${name})`).join(' * ')}`;
    const reading = (async () => {
      for (; !ended; reads += 1) assert.deepEqual(await column(all, reader), [1]);
    })();
    reading.catch(() => (ended = true));
    try {
      for (let round = 0; round < 8; round += 1) {
        const before_ = reads;
        // One more than the read that was under way: between two loads, and in the midst of them.
        await waitUntil('the reader has read again', () => ended || reads > before_ + 1);
        await load();
      }
    } finally {
      ended = true;
      await reading.finally(() => reader.end());
    }
  });

  test('leaves nothing behind when the connection is lost half-way', async () => {
    await load({ body: exampleContent({ areas: { name: 'in use' } }) });
    const lost = await connect(ownerUrl);
    lost.on('error', () => undefined);
    const [pid] = await column<number>('select pg_backend_pid()', lost);
    const endings: Promise<unknown>[] = [];
    const onTable = (): void => void endings.push(client.query('select pg_terminate_backend($1)', [pid]));
    const reader = await connect(ownerUrl);
    try {
      // The load cannot be at its end before its session is.
      await reader.query('begin; select * from areas');
      await assert.rejects(load({ client: lost, onTable }));
      await Promise.all(endings);
      await lost.end().catch(() => undefined);
      await waitUntil('the session is gone', async () => (await column(`select 1 from pg_stat_activity where pid = ${pid}`)).length === 0);
    } finally {
      await reader.end();
    }
    assert.deepEqual(await tablesOf('public'), names);
    assert.deepEqual(await column('select name from areas'), ['in use']);
    assert.deepEqual(await tablesOf(schemas.workSchema), []);
  });
});
