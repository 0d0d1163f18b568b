import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { HeadObjectCommand, ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure, type ApplicationFailure } from '@temporalio/common';

import { openDataPath } from '../../deploy/lab/pix/standIns/openDataStandIn.ts';
import type { DumpToObjectStoreReport } from '../../workflows/pix/dumpToObjectStore.contract.ts';
import type { OpenDataRunReport } from '../../workflows/pix/openData.contract.ts';
import type { SchemaCopyReport } from '../../workflows/pix/schemaCopy.contract.ts';
import type { VerifyReport } from '../../workflows/pix/verify.contract.ts';
import { gatewayProgram, startGateway, type Gateway } from '../activities/objectStore/gateway.ts';
import { failureOfRun } from '../support/failures.ts';
import { openPixBench, type PixBench } from '../support/pixBench.ts';
import { waitUntil } from '../support/waitUntil.ts';

const { program, missing } = await gatewayProgram();

describe('the other jobs of a warehouse', { concurrency: 1 }, () => {
  let bench: PixBench;
  let gateway: Gateway | undefined;
  let copyUrl: string;
  before(async () => {
    bench = await openPixBench({ rows: 1_000 });
    copyUrl = await bench.target.createDatabase({ name: 'schema_copy', owner: 'copy_owner', password: 'canary-copy-3d20' });
    await bench.setSecret('copy', copyUrl);
    const retries = { attemptsMax: 2, initialSeconds: 0.2 };
    const fields: Record<string, unknown> = {
      ...{ retries, schemaCopy: { target: { url: 'copy' } }, openData: { url: `${bench.openData.url}${openDataPath}`, rowsMax: 500 } },
      verify: {
        queries: [{ name: 'first users', sql: 'select id from users order by id limit 5', minimumRows: 5, showRows: true }],
        freshness: [{ table: 'users', column: 'createdAt', hoursMax: 1_000_000 }],
      },
    };
    if (program) {
      gateway = await startGateway(program);
      const { endpoint, region, bucket } = gateway.store;
      const place = { endpoint, region, bucket, accessKeyId: 'store-access', secretAccessKey: 'store-secret' };
      fields.objectStore = { ...place, prefix: 'pix/warehouse' };
      // Two runs that begin in one second would have one name.
      for (const name of ['cancelled', 'killed'])
        await bench.describeReplica(name, { retries, objectStore: { ...place, prefix: `pix/${name}` } });
      await bench.setSecret('store-access', await gateway.resolveSecret('access'));
      await bench.setSecret('store-secret', await gateway.resolveSecret('secret'));
    }
    await bench.describeReplica('pix', fields);
    await bench.describeReplica('bare');
    await bench.query(bench.sourceUrl, 'create table tiny (id int); insert into tiny values (1), (2)');
    await bench.run('pixFullReplication', { replica: 'pix' });
  });
  after(async () => {
    await gateway?.stop();
    await bench?.end();
  });

  const noSecrets = (report: unknown): void => assert.doesNotMatch(JSON.stringify(report), /canary|not-to-be-seen/);
  const states = (report: { steps: { id: string; state: string }[] }): string[] => report.steps.map(({ id, state }) => `${id} ${state}`);

  test('each says which block of the replica file it lacks', async () => {
    for (const [type, field] of [
      ['pixSchemaCopy', 'schemaCopy'],
      ['pixOpenData', 'openData'],
      ['pixDumpToObjectStore', 'objectStore'],
    ] as const) {
      const cause = await failureOfRun(bench.run(type, { replica: 'bare' }));
      assert.equal(cause.type, 'InvalidInput');
      assert.match(cause.message, new RegExp(`field ${field}`));
    }
  });

  test('the schema is copied and compared; the warehouse itself is refused as its target', async () => {
    const report = await bench.run<SchemaCopyReport>('pixSchemaCopy', { replica: 'pix' });
    assert.deepEqual(states(report), ['check done', 'copy done', 'compare done']);
    assert.deepEqual([report.extra, report.warnings], [[], []]);
    const [found] = await bench.query<{ users: string; ours: string }>(
      copyUrl,
      `select (select count(*) from users) as users, (select count(*) from pg_namespace where nspname like 'nightshift%') as ours`,
    );
    assert.deepEqual(found, { users: '0', ours: '0' });
    noSecrets(report);
    for (const [url, words] of [
      ['pix-target', /same database/],
      ['pix-source', /is the source/],
    ] as const) {
      await bench.describeReplica('wrong', { schemaCopy: { target: { url } } });
      const cause = await failureOfRun(bench.run('pixSchemaCopy', { replica: 'wrong' }));
      assert.equal(cause.type, 'PreflightFailed');
      assert.match(cause.message, words);
    }
  });

  test('cancelled, a schema copy ends its sessions and changes nothing', async () => {
    const pg = (await import('pg')).default;
    const holder = new pg.Client({ connectionString: copyUrl });
    await holder.connect();
    try {
      await holder.query('begin; lock table users in access share mode');
      const sessions = (): Promise<object[]> =>
        bench.query(copyUrl, `select from pg_stat_activity where application_name = 'nightshift schema copy' and wait_event_type = 'Lock'`);
      const run = await bench.start('pixSchemaCopy', { replica: 'pix' });
      await waitUntil('it waits for the reader', async () => (await sessions()).length > 0);
      await run.cancel();
      const error: unknown = await run.result().catch((each: unknown) => each);
      assert.ok(error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure, String(error));
      await waitUntil('nothing waits any more', async () => (await sessions()).length === 0);
      const progress = await bench.progress(run);
      assert.equal(progress.state, 'cancelled');
      assert.ok(progress.steps.some(({ id, state }) => id === 'copy' && state === 'stopped'));
    } finally {
      await holder.end();
    }
  });

  test('the open data comes in; a site that fails leaves the former table in use', async () => {
    const report = await bench.run<OpenDataRunReport>('pixOpenData', { replica: 'pix' });
    assert.deepEqual(states(report), ['replace done', 'check done']);
    assert.deepEqual([report.rows, report.totalCount], [500, 2000]);
    assert.match(report.warnings.join(), /rowsMax/);
    bench.openData.set({ kind: 'empty' });
    const cause = await failureOfRun(bench.run('pixOpenData', { replica: 'pix' }));
    bench.openData.set({});
    assert.equal(cause.type, 'HttpUnexpectedAnswer');
    const [row] = await bench.query<{ n: string }>(bench.targetUrl, `select count(*) as n from "${report.table}"`);
    assert.equal(row?.n, '500');
  });

  test('a verified replica is told with its counts, ages and answers', async () => {
    await bench.query(bench.sourceUrl, `create table only_today (id int)`);
    const report = await bench.run<VerifyReport>('pixVerify', { replica: 'pix' });
    assert.ok(report.steps.length > 3 && report.steps.every(({ state }) => state === 'done'));
    assert.ok(report.tables.length > 15);
    assert.ok(report.tables.every(({ sourceRows, targetRows }) => sourceRows === targetRows));
    assert.deepEqual(
      report.findings.map(({ level, subject }) => `${level} ${subject}`),
      ['note only_today'],
    );
    assert.equal(report.queries[0]?.answers.length, 5);
    assert.ok((report.freshness[0]?.hours ?? 0) > 0);
    assert.ok(report.othersOnTarget > 0, 'the open data is not of the replication');
    noSecrets(report);
  });

  test('every fault of a replica is told at once', async () => {
    await bench.query(bench.targetUrl, 'delete from "organization-learners"; insert into tiny values (3)');
    await bench.describeReplica('strict', {
      verify: {
        queries: [{ name: 'nobody', sql: 'select from users where false', minimumRows: 1 }],
        freshness: [{ table: 'users', column: 'createdAt', hoursMax: 0.001 }],
      },
    });
    const cause = await failureOfRun(bench.run('pixVerify', { replica: 'strict' }));
    assert.equal(cause.type, 'ReplicaNotVerified');
    for (const words of [/organization-learners: .*it is empty/, /tiny: .*1 more/, /nobody: 0 rows/, /users\.createdAt: .*hours old/])
      assert.match(cause.message, words);
    const { details } = cause.cause as ApplicationFailure;
    assert.ok(((details?.[0] as VerifyReport | undefined)?.findings.length ?? 0) >= 4);
  });

  describe('a dump into the object store', { skip: missing }, () => {
    const bucketOf = (): Gateway => gateway as Gateway;
    const keys = async (): Promise<string[]> => {
      const { client, store } = bucketOf();
      return ((await client.send(new ListObjectsV2Command({ Bucket: store.bucket }))).Contents ?? []).map(({ Key = '' }) => Key);
    };
    const unfinished = async () => {
      const { client, store } = bucketOf();
      return (await client.send(new ListMultipartUploadsCommand({ Bucket: store.bucket }))).Uploads ?? [];
    };

    test('stands there under the moment of its begin in UTC, verified', async () => {
      const report = await bench.run<DumpToObjectStoreReport>('pixDumpToObjectStore', { replica: 'pix' });
      assert.deepEqual(states(report), ['check done', 'dump done', 'verify done']);
      const stamp = report.beganAt.slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
      assert.equal(report.key, `pix/warehouse-${stamp}`);
      assert.match(report.key, /^pix\/warehouse-\d{8}-\d{6}$/);
      const { client, store } = bucketOf();
      assert.equal((await client.send(new HeadObjectCommand({ Bucket: store.bucket, Key: report.key }))).ContentLength, report.sizeBytes);
      assert.equal(report.verifiedBy, 'checksum');
      noSecrets(report);
    });

    test('cancelled, it leaves neither object nor parts nor session', async () => {
      const before_ = await keys();
      await bench.query(bench.targetUrl, `create table slow (id int); insert into slow values (1)`);
      const pg = (await import('pg')).default;
      const holder = new pg.Client({ connectionString: bench.targetUrl });
      await holder.connect();
      try {
        await holder.query('begin; lock table slow in access exclusive mode');
        const sessions = (): Promise<object[]> =>
          bench.query(
            bench.targetUrl,
            `select from pg_stat_activity where application_name = 'nightshift dump' and wait_event_type = 'Lock'`,
          );
        const run = await bench.start('pixDumpToObjectStore', { replica: 'cancelled' });
        await waitUntil('it waits for the table', async () => (await sessions()).length > 0);
        await run.cancel();
        const error: unknown = await run.result().catch((each: unknown) => each);
        assert.ok(error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure, String(error));
        await waitUntil('nothing waits any more', async () => (await sessions()).length === 0);
      } finally {
        await holder.end();
      }
      assert.deepEqual(await keys(), before_);
      assert.deepEqual(await unfinished(), []);
    });

    test('of a worker that was killed, another begins anew, and nothing of the first stays', async () => {
      const before_ = await keys();
      await bench.query(bench.targetUrl, `create table big (bytes bytea); alter table big alter column bytes set storage external`);
      await bench.query(
        bench.targetUrl,
        `insert into big select b from (select decode(string_agg(md5(random()::text), ''), 'hex') as b from generate_series(1, 62500)) one, generate_series(1, 60)`,
      );
      const run = await bench.start('pixDumpToObjectStore', { replica: 'killed' });
      await waitUntil('parts are on the way', async () => (await unfinished()).length > 0);
      await bench.killWorker();
      await bench.startWorker();
      const report = (await run.result()) as DumpToObjectStoreReport;
      assert.deepEqual(await keys(), [...before_, report.key].sort());
      assert.deepEqual(await unfinished(), []);
      await bench.query(bench.targetUrl, 'drop table big');
    });
  });
});
