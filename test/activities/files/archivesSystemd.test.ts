import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';

import { createFileActivities } from '../../../activities/files/fileActivities.ts';
import type { Archive, ArchiveJob } from '../../../activities/files/files.contract.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import { runActivity } from '../../support/runActivity.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { systemdMissing } from '../../support/systemdMissing.ts';
import { watchSecondsMax } from './archiveBench.ts';
import { startSystemdMachine, type SystemdMachine } from '../hosts/systemdMachine.ts';

describe('archives as units of systemd', { skip: await systemdMissing('archives') }, () => {
  let machine: SystemdMachine;
  let hosts: ReturnType<typeof createHosts>;
  let files: ReturnType<typeof createFileActivities>;
  const begun: ArchiveJob[] = [];
  // Signs that systemd would replace in the arguments of a unit.
  const source = '/srv/data of $HOME ${USER} 100%n';

  before(async () => {
    machine = await startSystemdMachine('archives', []);
    hosts = createHosts({ resolveSecret: (name) => machine.resolveSecret(name) });
    files = createFileActivities({ openHost: hosts.openHost, resolveSecret: async () => '' });
    await onMachine(
      `mkdir -p "$1" /backup && : >"$1/mongod.lock" && head -c 3000000 /dev/urandom >"$1/collection" && echo text >"$1/\\$(id) é"`,
    );
  });
  after(async () => {
    await hosts?.close();
    await machine?.down();
  });
  afterEach(async () => {
    for (const job of begun.splice(0)) await runActivity(() => files.discardArchive({ ...job, removeTarget: true }));
    await onMachine('rm -f -- "$1/large"');
  });

  const onMachine = async (script: string): Promise<string> =>
    (await (await hosts.openHost(machine.ref)).run(['bash', '-c', script, 'test', source])).stdout;
  const begin = (name: string, level = 1): ArchiveJob => {
    const job = {
      host: machine.ref,
      job: `nightshift-test-${name}`,
      source,
      target: `/backup/${name} $x.tar.zst`,
      level,
      mustBeEmpty: ['mongod.lock'],
    };
    begun.push(job);
    return job;
  };
  const start = (job: ArchiveJob): Promise<void> => runActivity(() => files.startArchive(job));
  const findUnfinished = () =>
    runActivity(() => files.findUnfinishedArchives({ host: machine.ref, path: '/backup', jobPrefix: 'nightshift-test-' }));
  const finish = async (job: ArchiveJob): Promise<Archive> => {
    const progress = await runActivity(() => files.watchArchive({ ...job, watchSeconds: watchSecondsMax }));
    assert.equal(progress.state, 'done');
    return progress.archive;
  };
  const startSlow = async (name: string): Promise<ArchiveJob> => {
    await onMachine('head -c 100000000 /dev/urandom >"$1/large"');
    const job = begin(name, 19);
    await start(job);
    await waitUntil('the part grows', async () => (await onMachine('ls /backup')).includes('.part'));
    return job;
  };

  test('are made, found by a second start, unpacked with the same content, verified, forgotten', async () => {
    const job = begin('whole');
    await Promise.all([start(job), start(job), start(job)]);
    const archive = await finish(job);
    await start(job);
    assert.deepEqual(await finish(job), archive);
    const shown = () => onMachine(`systemctl show -p ActiveState,SubState,ExecMainStatus ${job.job}.service`);
    await waitUntil('systemd knows its end', async () => /ActiveState=active\nSubState=exited/.test(await shown()));
    const unpacked = await runActivity(() => files.unpackArchive({ host: machine.ref, archive, directory: '/srv/drill' }));
    assert.equal(unpacked.sizeBytes, archive.sourceBytes);
    await onMachine('diff -r "$1" /srv/drill && rm -r /srv/drill');
    await runActivity(() => files.verifyArchive({ host: machine.ref, archive }));
    await runActivity(() => files.forgetArchiveJob(job));
    const units = () => onMachine(`systemctl list-units --all --plain --no-legend 'nightshift-test-*'`);
    await waitUntil('systemd has let go of its unit', async () => (await units()) === '');
    await runActivity(() => files.verifyArchive({ host: machine.ref, archive }));
  });

  test('under way are found, and discarded with every process, twice the same', async () => {
    const job = await startSlow('discarded');
    const found = await findUnfinished();
    assert.deepEqual(found, { partialFiles: [`${job.target}.part`], jobs: [job.job] });
    for (let time = 0; time < 2; time += 1) await runActivity(() => files.discardArchive({ ...job, removeTarget: true }));
    assert.equal(await onMachine('pgrep -x zstd; ls -A /backup /var/lib/nightshift/jobs | grep nightshift-test; exit 0'), '');
    // systemd lets go of the unit a moment after its end.
    await waitUntil('nothing unfinished is found', async () => {
      const none = await findUnfinished();
      assert.deepEqual(none.partialFiles, []);
      return none.jobs.length === 0;
    });
  });

  test('whose unit somebody stops fail, and can be made again after they are discarded', async () => {
    const job = await startSlow('stopped');
    await onMachine(`systemctl stop ${job.job}.service`);
    await assert.rejects(
      runActivity(() => files.watchArchive({ ...job, watchSeconds: watchSecondsMax })),
      { type: 'ArchiveFailed' },
    );
    await runActivity(() => files.discardArchive({ ...job, removeTarget: true }));
    await onMachine('rm -- "$1/large"');
    await start(job);
    await finish(job);
  });

  test('of a machine that lost its power fail after its return, and what they left is found and discarded', async () => {
    const job = await startSlow('power');
    await machine.machines.powerOff('archives');
    await assert.rejects(
      runActivity(() => files.watchArchive({ ...job, watchSeconds: 5 })),
      { type: 'HostUnreachable' },
    );
    await machine.machines.powerOn('archives');
    await waitUntil(
      'it answers',
      () =>
        onMachine('true').then(
          () => true,
          () => false,
        ),
      300_000,
    );
    await assert.rejects(
      runActivity(() => files.watchArchive({ ...job, watchSeconds: 5 })),
      { type: 'ArchiveFailed', message: /gone without a result/ },
    );
    const found = await findUnfinished();
    assert.deepEqual(found, { partialFiles: [`${job.target}.part`], jobs: [job.job] });
    await runActivity(() => files.discardArchive({ ...job, removeTarget: true }));
    assert.equal(await onMachine('ls -A /backup'), '');
  });
});
