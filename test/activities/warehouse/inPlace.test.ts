import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import pg from 'pg';

import { createClientTools } from '../../../activities/postgres/clientTools.ts';
import { createConnections } from '../../../activities/postgres/connections.ts';
import { createInPlaceActivities } from '../../../activities/warehouse/inPlace/inPlaceActivities.ts';
import type { EmptiedTarget, InPlaceCopy, RestoredPart } from '../../../activities/warehouse/inPlace/inPlace.contract.ts';
import type { ReplicaCheck } from '../../../activities/warehouse/beside/beside.contract.ts';
import { compareTables } from '../../../deploy/lab/postgres/compareTables.ts';
import { tool } from '../../../deploy/setup/tools.ts';
import { openBesideBench, type BesideBench } from '../../support/besideBench.ts';
import { failsWith } from '../../support/failures.ts';
import { activityRunner } from '../../support/runActivity.ts';

const unusual = join(import.meta.dirname, 'unusual.sql');
const names = `
  create table public.answers (id serial primary key, note text); insert into public.answers (note) select 'a' || g from generate_series(1, 20) g;
  create index answers_note_index on public.answers (note);
  create table public."element-answers" (id serial primary key, "answerId" int references public.answers (id));
  insert into public."element-answers" ("answerId") select g from generate_series(1, 20) g;
  create table public.element_answers (id int primary key); insert into public.element_answers select g from generate_series(1, 7) g;
  create index "element-answers_answerId_index" on public."element-answers" ("answerId");
  create table public."two  blanks" (id int primary key); insert into public."two  blanks" values (1), (2);
  create table public."organization-learners" (id int); insert into public."organization-learners" values (1);
  create view public.noted as select note from public.answers`;

describe('a replacement in place', { concurrency: 1 }, () => {
  let bench: BesideBench;
  let work: string;
  let act: ReturnType<typeof activityRunner<ReturnType<typeof createInPlaceActivities>>>;
  const idleSeconds = 60;
  const columns = [
    'users',
    'knowledge-elements',
    'parted',
    'parted_1',
    'parted_2',
    '_under',
    'empty_one',
    'element-answers',
    'two  blanks',
  ];
  const copyOf = (run: string, changes: Partial<InPlaceCopy> = {}): InPlaceCopy =>
    bench.copy(run, {
      kept: ['answers', 'kept', 'element_answers'],
      extraIndexes: [{ name: 'users_createdAt_idx', table: 'users', on: '("createdAt")' }],
      compatibilityViews: [{ name: 'schooling-registrations', over: 'organization-learners' }],
      ...changes,
    });
  const dumped = async (copy: InPlaceCopy): Promise<void> => {
    await act('dumpSource', { copy, idleSeconds });
    await act('proveDump', { copy });
  };
  const replace = async (copy: InPlaceCopy): Promise<{ emptied: EmptiedTarget; parts: (RestoredPart | null)[]; check: ReplicaCheck }> => {
    await dumped(copy);
    const emptied = await act('emptyTarget', { copy });
    const parts = [
      await act('defineInPlace', { copy, idleSeconds }),
      await act('restoreInPlace', { copy, jobs: 2, memoryMegabytes: 64, idleSeconds }),
    ];
    await act('finishInPlace', { copy, memoryMegabytes: 64 });
    return { emptied, parts, check: await act('verifyInPlace', { copy }) };
  };
  const describeTarget = `select (select count(*) from pg_indexes where schemaname = 'public') as indexes,
    (select count(*) from pg_proc where pronamespace = 'public'::regnamespace) as routines,
    (select count(*) from pg_trigger where not tgisinternal) as triggers, (select count(*) from pg_rules where schemaname = 'public') as rules,
    (select count(*) from pg_views where schemaname = 'public') as views, obj_description('public.users'::regclass) as comment,
    (select count(*) from pg_type where typnamespace = 'public'::regnamespace and typtype in ('e', 'd')) as types,
    (select count(*) from pg_statistic_ext) as statistics, (select n from public.mv where m = 'a') as mv`;

  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'ns-in-place-'));
    bench = await openBesideBench();
    const connections = createConnections(async (name) => (name === 'source' ? bench.urls.source : bench.urls.target));
    act = activityRunner(createInPlaceActivities({ connections, tools: createClientTools(await tool('postgres')), workDirectory: work }));
    await bench.sql('source', await readFile(unusual, 'utf8'));
    await bench.sql('source', names);
    // Only its owner may comment on an extension: a dump of the whole database would bring the comment along.
    const superuser = new pg.Client({ connectionString: bench.servers.source.url({ database: 'production' }) });
    await superuser.connect();
    await superuser.query("comment on extension plpgsql is 'of the superuser'");
    await superuser.end();
    await bench.sql(
      'target',
      `create type public.mood as enum ('a', 'b', 'c''d'); create table public.kept (id int primary key, m public.mood, "userId" int);
       insert into public.kept values (7, 'b', 1); create table public.answers (id serial primary key, note text);
       insert into public.answers (note) values ('kept'); create index answers_note_index on public.answers (note);
       create table public.element_answers (id int primary key); insert into public.element_answers values (99);
       create table public.mine (x int); insert into public.mine values (5); create function public.mine() returns int language sql as 'select 1'`,
    );
  });
  after(async () => {
    await bench?.end();
    await rm(work, { recursive: true, force: true });
  });

  test('brings every kind of object with its rows, keys and indexes; kept tables and what others made stay', async () => {
    const copy = copyOf('run-1');
    const { faults } = await act('inspectInPlace', { copy });
    assert.deepEqual(faults, []);
    const { parts, check } = await replace(copy);
    assert.deepEqual(
      (await compareTables({ ...bench.urls, tables: columns })).filter(({ equal }) => !equal),
      [],
    );
    assert.deepEqual(
      parts.flatMap((part) => part?.warnings ?? []),
      ['foreign key element-answers_answerId_fkey on element-answers to a kept table is not created'],
    );
    const [source, target] = await Promise.all([bench.sql('source', describeTarget), bench.sql('target', describeTarget)]);
    assert.deepEqual(
      { ...target[0] },
      {
        ...source[0],
        // One of others; the compatibility view; the enrichment index.
        routines: String(Number(source[0]?.routines) + 1),
        views: String(Number(source[0]?.views) + 1),
        indexes: String(Number(source[0]?.indexes) + 1),
      },
    );
    assert.deepEqual(await bench.sql('target', 'select id, note from public.answers'), [{ id: 1, note: 'kept' }]);
    assert.deepEqual(await bench.sql('target', 'select * from public.element_answers'), [{ id: 99 }]);
    assert.deepEqual(await bench.sql('target', 'select * from public.mine'), [{ x: 5 }]);
    assert.equal(
      (await bench.sql('target', `insert into public.answers (note) values ('b') returning id`))[0]?.id,
      2,
      'a sequence of a kept table',
    );
    assert.ok(check.constraints > 0 && check.indexes > 0 && check.sequences > 0);
    await act('discardInPlace', { copy, outcome: 'replaced' });
    assert.deepEqual(await readdir(work), []);
  });

  test('the next day drops what is ours alone, cuts keys of kept tables, and brings views of others and grants back', async () => {
    await bench.sql(
      'target',
      `create schema bi; create view bi.emails as select id, email from public.users; create view bi.few as select * from bi.emails where id < 5;
       grant select on public.users to public; grant select on bi.few to public;
       alter table public.kept add constraint kept_user foreign key ("userId") references public.users (id)`,
    );
    await bench.sql('source', `drop table public.empty_one; insert into public.users (email) values ('second day')`);
    const copy = copyOf('run-2', { foreignKeys: false });
    const seen = await act('inspectInPlace', { copy });
    assert.deepEqual(seen.faults, []);
    assert.ok(seen.warnings.some((each) => each.includes('kept_user of kept')));
    const { emptied, check } = await replace(copy);
    assert.deepEqual(emptied.cut, ['kept_user of kept']);
    assert.equal(emptied.views.length, 2);
    assert.equal(check.constraints, 0);
    assert.ok((await bench.sql('target', 'select * from bi.few')).length > 0);
    const [granted] = await bench.sql(
      'target',
      `select has_table_privilege('pg_monitor', 'public.users', 'select') as users, has_table_privilege('pg_monitor', 'bi.few', 'select') as few`,
    );
    assert.deepEqual(granted, { users: true, few: true });
    assert.deepEqual(await bench.sql('target', "select to_regclass('public.empty_one') as gone"), [{ gone: null }]);
    assert.deepEqual(await bench.sql('target', 'select * from public.mine'), [{ x: 5 }]);
    await act('discardInPlace', { copy, outcome: 'replaced' });
  });

  test('refuses before anything is dropped when others would lose what nobody brings back', async () => {
    await bench.sql('target', 'create table bi.typed (of public.users)');
    const copy = copyOf('run-3');
    assert.ok((await act('inspectInPlace', { copy })).faults.some((each) => each.includes('bi.typed')));
    await dumped(copy);
    await assert.rejects(act('emptyTarget', { copy }), failsWith('PreflightFailed', 'bi.typed'));
    assert.ok((await bench.sql('target', 'select from public.users limit 1')).length > 0);
    await bench.sql('target', 'drop table bi.typed');
    await act('discardInPlace', { copy, outcome: 'notReplaced' });
    assert.deepEqual(await readdir(work), []);
  });

  test('goes on where a broken restore stood: tables that are filled and indexes that stand are not made again', async () => {
    const copy = copyOf('run-4');
    await dumped(copy);
    await act('emptyTarget', { copy });
    await act('defineInPlace', { copy, idleSeconds });
    // A name that is taken breaks one index, and pg_restore goes on with the rest.
    await bench.sql('target', 'create table public."users_norm_idx" (x int)');
    const restore = { copy, jobs: 2, memoryMegabytes: 64, idleSeconds };
    await assert.rejects(act('restoreInPlace', restore), failsWith('PostgresFailed', 'users_norm_idx'));
    await assert.rejects(act('verifyInPlace', { copy }), failsWith('ReplicaNotVerified', 'users_norm_idx'));
    await bench.sql('target', 'drop table public."users_norm_idx"');
    assert.deepEqual(await act('defineInPlace', { copy, idleSeconds }), await act('defineInPlace', { copy, idleSeconds }));
    const again = await act('restoreInPlace', restore);
    assert.ok(again && again.stood > 10, JSON.stringify(again));
    // No archive holds the enrichment indexes; a build by hand that broke off leaves the name, and an index that no query uses.
    await assert.rejects(act('verifyInPlace', { copy }), failsWith('ReplicaNotVerified', 'users_createdAt_idx on users: is missing'));
    await assert.rejects(bench.sql('target', 'create unique index concurrently "users_createdAt_idx" on public.users ((id % 1))'));
    await assert.rejects(act('verifyInPlace', { copy }), failsWith('ReplicaNotVerified', 'users_createdAt_idx on users: is not valid'));
    const { made } = await act('finishInPlace', { copy, memoryMegabytes: 64 });
    assert.ok(made.includes('index users_createdAt_idx'), made.join());
    await act('verifyInPlace', { copy });
    assert.deepEqual(
      (await compareTables({ ...bench.urls, tables: columns.filter((name) => name !== 'empty_one') })).filter(({ equal }) => !equal),
      [],
    );
    await act('discardInPlace', { copy, outcome: 'replaced' });
  });

  test('a dump that was changed is not used', async () => {
    const copy = copyOf('run-5');
    await dumped(copy);
    const found = await act('findDump', { copy });
    assert.ok(found && found.rows > 0);
    const bytes = await readFile(found.path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0xff;
    await writeFile(found.path, bytes);
    assert.equal(await act('findDump', { copy }), null);
    await act('discardInPlace', { copy, outcome: 'notReplaced' });
  });
});
