import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, test } from 'node:test';

import { GetObjectCommand, HeadObjectCommand, ListMultipartUploadsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';

import { createClientTools, type ClientTools } from '../../../activities/postgres/clientTools.ts';
import { createConnections } from '../../../activities/postgres/connections.ts';
import { createDumpActivities } from '../../../activities/postgres/dumps/dumpActivities.ts';
import { workSchemas } from '../../../activities/warehouse/warehouse.contract.ts';
import type { StoredDump } from '../../../activities/postgres/dumps/dumps.contract.ts';
import { compareTables } from '../../../deploy/lab/postgres/compareTables.ts';
import { fillPixSource } from '../../../deploy/lab/pix/source/pixSource.ts';
import { tool } from '../../../deploy/setup/tools.ts';
import { openBesideBench, type BesideBench } from '../../support/besideBench.ts';
import { errorOf } from '../../support/failures.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { beginActivity, runActivity } from '../../support/runActivity.ts';
import { gatewayProgram, startGateway, type Gateway } from '../objectStore/gateway.ts';

const { program, missing } = await gatewayProgram();
const server = { name: 'warehouse', url: 'source' };
const megabyte = 1_000_000;

describe('a dump into an object store', { skip: missing, concurrency: 1 }, () => {
  let bench: BesideBench;
  let gateway: Gateway;
  let directory: string;
  let programs: string;
  let store: Gateway['store'];

  const activitiesWith = (tools: ClientTools) => {
    const resolveSecret = async (name: string): Promise<string> => (name === 'source' ? bench.urls.source : gateway.resolveSecret(name));
    return createDumpActivities({ connections: createConnections(resolveSecret), tools, resolveSecret, leftOut: workSchemas });
  };
  /** The real tools, but for a pg_dump that is the given shell text; `real` stands for the path of the true one. */
  const toolsWith = async (name: string, pgDump: string): Promise<ClientTools> => {
    const folder = await mkdtemp(join(directory, `${name}-`));
    for (const each of ['pg_restore', 'psql']) await symlink(join(programs, each), join(folder, each));
    await writeFile(join(folder, 'pg_dump'), `#!/bin/sh\nreal='${join(programs, 'pg_dump')}'\n${pgDump}\n`);
    await chmod(join(folder, 'pg_dump'), 0o755);
    return createClientTools(folder);
  };
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ns-dumps-'));
    programs = await tool('postgres');
    bench = await openBesideBench();
    gateway = await startGateway(program ?? '');
    store = { ...gateway.store, prefix: '' };
    await fillPixSource({ url: bench.urls.source, rows: 3_000 });
    await bench.sql(
      'source',
      'create schema nightshift; create table nightshift.state (n int); create schema nightshift_previous; create table nightshift_previous.users (n int)',
    );
  });
  after(async () => {
    await gateway?.stop();
    await bench?.end();
    await rm(directory, { recursive: true, force: true });
  });

  const real = () => activitiesWith(createClientTools(programs));
  const dump = (key: string, dumps = real()): Promise<StoredDump> =>
    runActivity(() => dumps.dumpToObjectStore({ server, store, key, run: 'run-1', databaseBytes: megabyte }));
  const check = (stored: StoredDump, dumps = real()) => runActivity(() => dumps.checkStoredDump({ store, dump: stored }));
  const unfinished = async () => (await gateway.client.send(new ListMultipartUploadsCommand({ Bucket: store.bucket }))).Uploads ?? [];
  const body = async (key: string) => {
    const { Body } = await gateway.client.send(new GetObjectCommand({ Bucket: store.bucket, Key: key }));
    return Body as AsyncIterable<Buffer>;
  };
  const isThere = (key: string): Promise<boolean> =>
    gateway.client.send(new HeadObjectCommand({ Bucket: store.bucket, Key: key })).then(
      () => true,
      () => false,
    );
  const sessions = () => bench.sql('source', `select pid from pg_stat_activity where application_name = 'nightshift dump'`);
  const nothingOf = async (key: string): Promise<void> => {
    assert.equal(await isThere(key), false, `${key} is in the store`);
    assert.deepEqual(await unfinished(), []);
    await waitUntil('the session of pg_dump has ended', async () => (await sessions()).length === 0);
  };

  test('can be restored and is equal, row by row; the bookkeeping is in it, yesterday’s copy is not', async () => {
    const stored = await dump('pix/night-1');
    assert.deepEqual(await check(stored), { by: 'checksum' });
    const file = join(directory, 'back.dump');
    const hash = createHash('sha256');
    await pipeline(
      await body('pix/night-1'),
      async function* (chunks) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(file),
    );
    assert.equal(hash.digest('hex'), stored.sha256);
    const tools = createClientTools(programs);
    await tools.run('pg_restore', ['--dbname=', '--no-owner', file], { url: bench.urls.target, application: 'test' });
    const tables = await bench.sql<{ name: string }>('source', `select tablename as name from pg_tables where schemaname = 'public'`);
    const compared = await compareTables({ ...bench.urls, tables: tables.map(({ name }) => name) });
    assert.deepEqual(
      compared.filter(({ equal }) => !equal),
      [],
    );
    const ours = await bench.sql('target', `select nspname as name from pg_namespace where nspname like 'nightshift%'`);
    assert.deepEqual(ours, [{ name: 'nightshift' }]);
  });

  test('a pg_dump that ends badly, late as it may be, leaves nothing in the store', async () => {
    const dumps = activitiesWith(await toolsWith('fails', `"$real" "$@"; echo 'out of luck' >&2; exit 3`));
    const error = await errorOf(dump('pix/failed', dumps));
    assert.equal(error.type, 'PostgresFailed');
    assert.match(error.message, /pg_dump ended with 3: out of luck/);
    await nothingOf('pix/failed');
  });

  test('an archive that was cut short is seen, though pg_dump ended well', async () => {
    for (const [name, cut] of [
      ['list', 2_000],
      ['rows', 60_000],
    ] as const) {
      const dumps = activitiesWith(await toolsWith(`cut-${name}`, `"$real" "$@" | head -c ${cut}; exit 0`));
      const error = await errorOf(dump(`pix/cut-${name}`, dumps));
      assert.equal(error.type, 'PostgresFailed', error.message);
      assert.match(error.message, /pg_restore/);
      await nothingOf(`pix/cut-${name}`);
    }
  });

  test('a row that was changed on the way is seen', async () => {
    // Compressed rows carry a checksum of their own.
    const dumps = activitiesWith(
      await toolsWith(
        'damage',
        `"$real" "$@" | cat > "$0.whole"; size=$(wc -c < "$0.whole"); head -c $((size - 3000)) "$0.whole"; head -c 40 /dev/zero; tail -c 2960 "$0.whole"`,
      ),
    );
    const error = await errorOf(dump('pix/damaged', dumps));
    assert.equal(error.type, 'PostgresFailed', error.message);
    await nothingOf('pix/damaged');
  });

  test('the store’s object is judged by size and checksum, and read again where the store tells no checksum of the whole', async () => {
    const stored = await dump('pix/judged');
    await assert.rejects(check({ ...stored, crc32: 'AAAAAA==' }), { type: 'ChecksumMismatch' });
    await assert.rejects(check({ ...stored, sizeBytes: stored.sizeBytes + 1 }), { type: 'ChecksumMismatch' });
    await assert.rejects(check({ ...stored, key: 'pix/absent' }), { type: 'ChecksumMismatch' });
    const pieces: Buffer[] = [];
    for await (const piece of await body('pix/judged')) pieces.push(piece);
    const content = Buffer.concat(pieces);
    const put = (bytes: Buffer) =>
      gateway.client.send(new PutObjectCommand({ Bucket: store.bucket, Key: 'pix/judged', Body: bytes, ChecksumAlgorithm: 'SHA256' }));
    await put(content);
    assert.deepEqual(await check(stored), { by: 'reading' });
    content[content.length - 1] = (content[content.length - 1] ?? 0) ^ 1;
    await put(content);
    await assert.rejects(check(stored), { type: 'ChecksumMismatch' });
  });

  test('a name that is taken is refused, and what another run stored there is never discarded', async () => {
    const dumps = real();
    const key = 'pix/same-second';
    const inspect = () => runActivity(() => dumps.inspectDump({ server, store, key }));
    const discard = (run: string) => runActivity(() => dumps.discardDump({ store, key, run }));
    assert.deepEqual((await inspect()).faults, []);
    await dump(key);
    assert.match((await inspect()).faults.join(), /an object already/);
    await discard('run-2');
    assert.equal(await isThere(key), true);
    await discard('run-1');
    await discard('run-1');
    assert.equal(await isThere(key), false);
  });

  describe('of some hundred megabytes', () => {
    let uncompressed: ReturnType<typeof activitiesWith>;
    before(async () => {
      await bench.sql('source', 'create table big (bytes bytea); alter table big alter column bytes set storage external');
      await bench.sql(
        'source',
        `insert into big select b from (select decode(string_agg(md5(random()::text), ''), 'hex') as b from generate_series(1, 62500)) one, generate_series(1, 150)`,
      );
      uncompressed = activitiesWith(await toolsWith('uncompressed', 'exec "$real" "$@" --compress=0'));
    });

    test('passes through flat memory, and tells how far it is', async (context) => {
      globalThis.gc?.();
      const begin = process.memoryUsage().arrayBuffers;
      let peak = begin;
      const watching = setInterval(() => (peak = Math.max(peak, process.memoryUsage().arrayBuffers)), 10);
      const running = beginActivity(() =>
        uncompressed.dumpToObjectStore({ server, store, key: 'pix/big', run: 'run-1', databaseBytes: megabyte }),
      );
      const stored = await running.result.finally(() => clearInterval(watching));
      assert.ok(stored.sizeBytes > 300 * megabyte, `${stored.sizeBytes} bytes`);
      const growth = Math.round((peak - begin) / megabyte);
      context.diagnostic(`buffers grew by ${growth} MB for ${Math.round(stored.sizeBytes / megabyte)} MB`);
      assert.ok(growth < 250, `buffers grew by ${growth} MB`);
      assert.deepEqual(Object.keys(running.heartbeats[0] as object), ['dumpedBytes', 'sentBytes']);
      assert.deepEqual(await check(stored), { by: 'checksum' });
      await runActivity(() => uncompressed.discardDump({ store, key: 'pix/big', run: 'run-1' }));
    });

    test('cancelled on the way, it leaves no process, no parts and no object', async () => {
      const dumps = real();
      const running = beginActivity(() =>
        dumps.dumpToObjectStore({ server, store, key: 'pix/cancelled', run: 'run-1', databaseBytes: megabyte }),
      );
      await waitUntil('parts are in the store', async () => {
        const seen = await runActivity(() => dumps.readDumpProgress({ store, key: 'pix/cancelled' }));
        return (seen?.storedBytes ?? 0) > 0;
      });
      running.cancel();
      await assert.rejects(running.result, CancelledFailure);
      await nothingOf('pix/cancelled');
      assert.equal(await runActivity(() => dumps.readDumpProgress({ store, key: 'pix/cancelled' })), null);
    });

    test('a server that ends the session half-way, and a store that goes away, are told as such', async () => {
      const parts = () => waitUntil('parts are on the way', async () => (await unfinished()).length > 0);
      const one = dump('pix/session');
      one.catch(() => undefined);
      await parts();
      await bench.sql('source', `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'nightshift dump'`);
      const lost = await errorOf(one);
      assert.equal(lost.type, 'PostgresUnreachable', lost.message);
      assert.match(lost.message, /pg_dump/);
      await nothingOf('pix/session');
      const two = dump('pix/store');
      two.catch(() => undefined);
      await parts();
      await gateway.kill();
      const gone = await errorOf(two);
      await gateway.start();
      assert.equal(gone.type, 'ObjectStoreUnavailable', gone.message);
      // The next attempt clears what that left, and is whole.
      await bench.sql('source', 'drop table big');
      const retry = new MockActivityEnvironment({ attempt: 2 });
      const again = real();
      await retry.run(() => again.dumpToObjectStore({ server, store, key: 'pix/store', run: 'run-1', databaseBytes: megabyte }));
      assert.deepEqual(await unfinished(), []);
    });
  });
});
