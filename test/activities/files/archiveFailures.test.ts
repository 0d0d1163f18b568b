import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import type { ArchiveJob } from '../../../activities/files/files.contract.ts';
import { runActivity } from '../../support/runActivity.ts';
import { sshServerMissing } from '../hosts/sshServer.ts';
import { setUpArchiveBench, watchSecondsMax } from './archiveBench.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { groupOf, membersOf, nameOf } from './processGroups.ts';

for (const way of ['local', 'ssh'] as const) {
  describe(`archives that go wrong over ${way}`, { skip: way === 'ssh' && sshServerMissing() }, () => {
    const bench = setUpArchiveBench(way);
    const { begin, start, finish, makeSlow, processOf, whileRunning } = bench;

    test('fail with ArchiveFailed when the job is killed, and with its log when it stops itself', async () => {
      const { files, directory } = bench.now();
      const slow = makeSlow();
      const processId = await whileRunning(slow);
      process.kill(-processId, 'SIGKILL');
      await assert.rejects(
        runActivity(() => files.watchArchive({ ...slow, watchSeconds: watchSecondsMax })),
        { type: 'ArchiveFailed', message: /gone without a result/ },
      );
      await runActivity(() => files.discardArchive({ ...slow, removeTarget: false }));
      assert.deepEqual(readdirSync(join(directory, 'backup')), []);
      await whileRunning(slow);
      process.kill(processOf(slow), 'SIGTERM');
      await assert.rejects(
        runActivity(() => files.watchArchive({ ...slow, watchSeconds: watchSecondsMax })),
        { type: 'ArchiveFailed', message: /stopped by a signal/ },
      );
      assert.deepEqual(readdirSync(join(directory, 'backup')), []);
    });

    test('fail with ArchiveFailed when one part of the pipe is killed', async () => {
      const { files, directory } = bench.now();
      const slow = makeSlow();
      const processId = await whileRunning(slow);
      let zstd: string | undefined;
      const find = () => readdirSync('/proc').find((pid) => groupOf(pid) === processId && nameOf(pid) === 'zstd');
      await waitUntil('zstd is at work', () => (zstd = find()) !== undefined);
      process.kill(Number(zstd), 'SIGKILL');
      await assert.rejects(
        runActivity(() => files.watchArchive({ ...slow, watchSeconds: watchSecondsMax })),
        { type: 'ArchiveFailed', message: /zstd 137/ },
      );
      assert.deepEqual(readdirSync(join(directory, 'backup')), []);
    });

    test('are discarded with all their processes when their shell alone was killed', async () => {
      const { files, directory, ref } = bench.now();
      const slow = makeSlow();
      const processId = await whileRunning(slow);
      process.kill(processId, 'SIGKILL');
      await assert.rejects(
        runActivity(() => files.watchArchive({ ...slow, watchSeconds: watchSecondsMax })),
        { type: 'ArchiveFailed', message: /gone without a result/ },
      );
      assert.ok(membersOf(processId).length > 0, 'the pipe goes on');
      await assert.rejects(
        runActivity(() => files.forgetArchiveJob(slow)),
        { type: 'CommandFailed', message: /still runs/ },
      );
      await runActivity(() => files.discardArchive({ ...slow, removeTarget: false }));
      assert.deepEqual(membersOf(processId), []);
      assert.deepEqual(readdirSync(join(directory, 'backup')), []);
      assert.deepEqual(readdirSync(join(ref.stateDirectory, 'jobs')), []);
    });

    test('are not trusted when the process id belongs to another process now', async () => {
      const { files, ref, job } = bench.now();
      await start();
      await finish();
      const state = join(ref.stateDirectory, 'jobs', job.job);
      rmSync(join(state, 'result'));
      const former = readFileSync(join(state, 'process'), 'utf8');
      writeFileSync(join(state, 'process'), former.replace(/processId=\d+/, `processId=${process.pid}`));
      await assert.rejects(
        runActivity(() => files.watchArchive({ ...job, watchSeconds: 5 })),
        { type: 'ArchiveFailed', message: /gone without a result/ },
      );
      await runActivity(() => files.discardArchive({ ...job, removeTarget: false }));
    });

    test('fail with SourceRanDuringCopy when a file is touched during the copy', async () => {
      const { files, directory } = bench.now();
      const slow = makeSlow(5_000_000);
      await whileRunning(slow);
      appendFileSync(join(directory, 'source', 'plain'), 'late');
      await assert.rejects(
        runActivity(() => files.watchArchive({ ...slow, watchSeconds: watchSecondsMax })),
        { type: 'SourceRanDuringCopy' },
      );
      assert.deepEqual(readdirSync(join(directory, 'backup')), []);
    });

    test('fail with SourceRanDuringCopy when the lock file of the mongod is not empty, or is missing', async () => {
      const { files, directory, job } = bench.now();
      writeFileSync(join(directory, 'source', 'mongod.lock'), '4711');
      await start();
      await assert.rejects(
        runActivity(() => files.watchArchive({ ...job, watchSeconds: watchSecondsMax })),
        { type: 'SourceRanDuringCopy', message: /mongod\.lock .*is not empty/ },
      );
      rmSync(join(directory, 'source', 'mongod.lock'));
      const other = begin('missing');
      await start(other);
      await assert.rejects(
        runActivity(() => files.watchArchive({ ...other, watchSeconds: watchSecondsMax })),
        { type: 'SourceRanDuringCopy', message: /mongod\.lock is missing/ },
      );
    });

    test('fail with ArchiveFailed when the source or the place for the target is missing, or the job is not known', async () => {
      const { files, directory } = bench.now();
      const noSource = begin('no-source', { source: join(directory, 'absent') });
      await start(noSource);
      await assert.rejects(
        runActivity(() => files.watchArchive({ ...noSource, watchSeconds: watchSecondsMax })),
        { type: 'ArchiveFailed', message: /is no directory/ },
      );
      const noPlace = begin('no-place', { target: join(directory, 'absent', 'x.tar.zst') });
      await start(noPlace);
      await assert.rejects(
        runActivity(() => files.watchArchive({ ...noPlace, watchSeconds: watchSecondsMax })),
        { type: 'ArchiveFailed', message: /tee 1/ },
      );
      await assert.rejects(
        runActivity(() => files.watchArchive({ ...begin('unknown'), watchSeconds: 5 })),
        { type: 'ArchiveFailed', message: /not known/ },
      );
    });

    test('that were damaged are refused by verify and unpack, and nothing of them is left', async () => {
      const { files, directory, ref, job } = bench.now();
      await start();
      const archive = await finish();
      truncateSync(job.target, archive.sizeBytes - 10);
      for (const damaged of [archive, { ...archive, sha256: '0'.repeat(64) }]) {
        await assert.rejects(
          runActivity(() => files.verifyArchive({ host: ref, archive: damaged })),
          { type: 'ChecksumMismatch' },
        );
        await assert.rejects(
          runActivity(() => files.unpackArchive({ host: ref, archive: damaged, directory: join(directory, 'drill') })),
          { type: 'ChecksumMismatch' },
        );
        assert.deepEqual(readdirSync(join(directory, 'drill')), []);
      }
      rmSync(job.target);
      await assert.rejects(
        runActivity(() => files.verifyArchive({ host: ref, archive })),
        { type: 'ChecksumMismatch', message: /is gone/ },
      );
    });

    test('refuse names and paths that lead astray', async () => {
      const { job } = bench.now();
      const wrong: Partial<ArchiveJob>[] = [
        { job: '../x' },
        { job: '-x' },
        { job: 'a b' },
        { source: 'relative' },
        { target: '/backup/../etc/passwd' },
        { level: 0 },
        { level: 1.5 },
        { mustBeEmpty: ['../x'] },
        { mustBeEmpty: ['/etc/passwd'] },
      ];
      for (const changes of wrong) await assert.rejects(start({ ...job, ...changes }), { type: 'InvalidInput' }, JSON.stringify(changes));
    });
  });
}
