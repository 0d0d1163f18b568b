import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { ApplicationFailure } from '@temporalio/common';
import pg from 'pg';

import { compareTables } from '../../../deploy/lab/postgres/compareTables.ts';
import { unprivilegedUser } from '../../../deploy/lab/machines/unprivileged.ts';
import { endings } from '../../support/endings.ts';
import { openBesideBench, type BesideBench } from '../../support/besideBench.ts';

const run = promisify(execFile);
const limits = { dumpShare: 0.5 };

/** A small disk of its own for the target's database: log and catalog of the server lie elsewhere, as an administrator would place them. */
describe(
  'a target without room',
  { concurrency: 1, skip: process.getuid?.() === 0 ? false : 'SKIPPED: only root may mount a small disk' },
  () => {
    let bench: BesideBench;
    let disk: string;
    const { atEnd, end } = endings();
    const resize = (megabytes: number): Promise<unknown> => run('mount', ['-o', `remount,size=${megabytes}m`, disk]);
    const superuser = async (text: string, database = 'postgres'): Promise<void> => {
      const client = new pg.Client({ connectionString: bench.servers.target.url({ database }) });
      await client.connect();
      try {
        await client.query(text);
      } finally {
        await client.end();
      }
    };
    before(async () => {
      disk = await mkdtemp(join(tmpdir(), 'ns-disk-'));
      atEnd(() => rm(disk, { recursive: true, force: true }));
      atEnd(() => run('umount', ['-l', disk]).catch(() => undefined));
      await run('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]);
      await chmod(disk, 0o700);
      const user = unprivilegedUser();
      if (user) await chown(disk, user.uid, user.gid);
      bench = await openBesideBench();
      atEnd(bench.end);
      await superuser(`create tablespace small location '${disk}'`);
      await superuser('alter database warehouse set tablespace small');
      await bench.sql(
        'source',
        `create table public.users (id int primary key, note text);
      insert into public.users select g, repeat(md5(g::text), 8) from generate_series(1, 120000) g; analyze public.users`,
      );
      await bench.sql('target', `create table public.mine (x int); insert into public.mine values (5)`);
    });
    after(() => end());

    test('a disk that fills up in the copy ends it with what the server said; what was built is dropped, and with room the next run succeeds', async () => {
      await resize(30);
      const copy = bench.copy('run-1');
      const seen = await bench.act('inspectBeside', { copy, limits });
      assert.deepEqual(seen.faults, []);
      assert.ok(seen.warnings.some((each) => each.includes('it is not known whether there is room')));
      await assert.rejects(bench.build(copy), (error: unknown) => {
        assert.ok(error instanceof ApplicationFailure, String(error));
        assert.equal(error.type, 'DiskSpaceInsufficient', error.message);
        assert.match(error.message, /target: .*53100/);
        return true;
      });
      await bench.act('releaseSnapshot', { copy });
      await bench.act('discardBeside', { copy });
      assert.deepEqual(await bench.sql('target', "select nspname from pg_namespace where nspname like 'nightshift_%'"), []);
      assert.deepEqual(await bench.sql('target', 'select * from public.mine'), [{ x: 5 }]);
      await resize(200);
      await bench.replicate(bench.copy('run-2'));
      assert.deepEqual(
        (await compareTables({ ...bench.urls, tables: ['users'] })).filter(({ equal }) => !equal),
        [],
      );
    });

    test('too little room is told beforehand with both numbers, where it can be known: a quota, or a disk of this machine', async () => {
      const copy = bench.copy('run-3');
      await bench.sql('source', 'insert into public.users select g, md5(g::text) from generate_series(120001, 121000) g');
      const quota = await bench.act('inspectBeside', { copy, limits: { ...limits, targetBytesMax: 40_000_000 } });
      assert.match(quota.faults.join(), /needs .* MB more on the target, its databases have .* MB of 40\.0 MB/);
      await superuser('grant pg_read_all_settings to warehouse_owner');
      assert.deepEqual((await bench.act('inspectBeside', { copy, limits })).faults, []);
      await resize(60);
      assert.match(
        (await bench.act('inspectBeside', { copy, limits })).faults.join(),
        /needs .* MB more on the target, its disk has .* MB free/,
      );
    });
  },
);
