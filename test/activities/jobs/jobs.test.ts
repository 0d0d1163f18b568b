import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';

import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import { createJobActivities } from '../../../activities/jobs/jobActivities.ts';
import {
  jobDirectory,
  jobSecretFile,
  jobsDirectory,
  type HostJob,
  type JobCommand,
  type JobLook,
} from '../../../activities/jobs/jobs.contract.ts';
import type { JobBeat } from '../../../activities/jobs/watchHostJob.ts';
import { activityRunner, beginActivity } from '../../support/runActivity.ts';
import { systemdMissing } from '../../support/systemdMissing.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { sshServerMissing, startSshServer, type SshServer } from '../hosts/sshServer.ts';
import { startSystemdMachine, type SystemdMachine } from '../hosts/systemdMachine.ts';

const secretText = 'a secret that is nowhere to be seen';
/** For jobs that are watched to their end, on however slow a machine. */
const watchSeconds = 300;
const skips = { local: false, ssh: sshServerMissing() ?? false, systemd: await systemdMissing('jobs') } as const;

for (const way of ['local', 'ssh', 'systemd'] as const) {
  describe(`jobs over ${way}`, { skip: skips[way] }, () => {
    let server: SshServer | undefined;
    let machine: SystemdMachine | undefined;
    let hosts: ReturnType<typeof createHosts>;
    let jobs: ReturnType<typeof createJobActivities>;
    let run: ReturnType<typeof activityRunner<ReturnType<typeof createJobActivities>>>;
    let ref: HostRef;
    let directory: string;
    const begun: HostJob[] = [];

    before(async () => {
      if (way === 'ssh') server = await startSshServer();
      if (way === 'systemd') machine = await startSystemdMachine('jobs', []);
      const reaching = (name: string): Promise<string> =>
        machine?.resolveSecret(name) ?? server?.resolveSecret(name) ?? Promise.reject(new Error(name));
      const resolveSecret = async (name: string): Promise<string> => {
        if (name === 'unknown') throw new Error('there is none');
        return name === 'db-password' ? secretText : reaching(name);
      };
      hosts = createHosts({ resolveSecret });
      jobs = createJobActivities({ openHost: hosts.openHost, resolveSecret });
      run = activityRunner(jobs);
      directory = machine ? '/srv/nightshift test' : mkdtempSync(join(tmpdir(), "nightshift it's $HOME "));
      const local: HostRef = {
        name: 'here',
        address: '127.0.0.1',
        reach: { kind: 'local' },
        serviceManager: { kind: 'supervisor', command: 'supervisorctl', configFile: '/none' },
        stateDirectory: '',
      };
      ref = machine ? machine.ref : { ...(server?.ref() ?? local), stateDirectory: join(directory, 'state') };
      // Another user must find the way.
      await onHost('mkdir -p -- "$1" && chmod 0755 -- "$1"', directory);
    });
    after(async () => {
      await hosts?.close();
      await server?.stop();
      await machine?.down();
      if (way !== 'systemd') rmSync(directory, { recursive: true, force: true });
    });
    afterEach(async () => {
      for (const job of begun.splice(0)) await run('discardJob', job);
      await onHost('find "$1" -mindepth 1 -maxdepth 1 -not -name state -exec rm -r {} +', directory);
    });

    const onHost = async (script: string, ...args: string[]): Promise<string> =>
      (await (await hosts.openHost(ref)).run(['bash', '-c', script, 'test', ...args])).stdout;
    const isThere = async (path: string): Promise<boolean> => (await onHost('[ -e "$1" ] && echo yes || true', path)) !== '';
    const name = (job: string): HostJob => {
      const named = { host: ref, job: `nightshift-test-${job}` };
      begun.push(named);
      return named;
    };
    /** A script as the command, with the test's folder and then `args`. */
    const script = (text: string, ...args: string[]): JobCommand => ({ command: ['bash', '-c', text, '100%n $HOME', directory, ...args] });
    const start = (job: HostJob, command: JobCommand): Promise<void> => run('startJob', { ...job, ...command });
    const finish = (job: HostJob): Promise<JobLook> => run('watchJob', { ...job, watchSeconds });
    const untilGo = 'until [ -e "$1/go" ]; do sleep 0.05; done';
    const go = (): Promise<string> => onHost(': >"$1/go"', directory);

    test('begin once, however often they are started, also when they have ended', async () => {
      const job = name('once');
      const command = script('echo begun >>"$1/begun"; exit "$2"', '3');
      await Promise.all([start(job, command), start(job, command), start(job, command)]);
      const first = await finish(job);
      assert.deepEqual([first.state, first.exitCode], ['ended', 3]);
      await start(job, command);
      assert.deepEqual(await finish(job), first);
      assert.equal(await onHost('cat "$1/begun"', directory), 'begun\n');
    });

    test('are seen by short looks and heartbeats: bytes, the last line, the file that grows; then by their end', async () => {
      const job = name('looks');
      const output = join(directory, 'made');
      await start(
        job,
        script(
          `echo "250 1000" >"$JOB_DIRECTORY/progress"; printf 12345 >"$1/made"; printf 'first\\n10 %%\\r25 %%'; ${untilGo}; echo '{"rows":7}' >"$JOB_DIRECTORY/outcome"; echo; echo last`,
        ),
      );
      const look = (): Promise<JobLook> => run('watchJob', { ...job, files: [output], watchSeconds: 0 });
      await waitUntil('the line is seen', async () => (await look()).line === '25 %');
      const { state, exitCode, doneBytes, totalBytes, writtenBytes, log } = await look();
      assert.deepEqual([state, exitCode, doneBytes, totalBytes, writtenBytes, log], ['running', null, 250, 1000, 5, 'first\n10 %\n25 %']);
      const watch = beginActivity(() => jobs.watchJob({ ...job, files: [output], watchSeconds }));
      await waitUntil('it heartbeats', () => watch.heartbeats.length > 1);
      const beat = watch.heartbeats.at(-1) as JobBeat;
      assert.deepEqual([beat.doneBytes, beat.totalBytes, beat.writtenBytes, beat.line], [250, 1000, 5, '25 %']);
      await go();
      const end = await watch.result;
      assert.deepEqual([end.state, end.exitCode, end.outcome, end.line], ['ended', 0, '{"rows":7}\n', 'last']);
    });

    test('get secrets in files of their own, which are on no command line and go with their end', async () => {
      const job = name('secrets');
      const file = jobSecretFile(job, 'my.cnf');
      await start(job, { ...script(`stat -c %a -- "$2"; cat -- "$2"; ${untilGo}`, file), secretFiles: { 'my.cnf': 'db-password' } });
      await waitUntil('it was read', async () => (await run('watchJob', { ...job, watchSeconds: 0 })).line === secretText);
      const seen = await onHost(`cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c '[a] secret that is nowhere' || true`);
      assert.equal(seen, '0\n');
      await go();
      const { log } = await finish(job);
      assert.equal(log, `600\n${secretText}`);
      assert.equal(await isThere(file), false);
      await assert.rejects(start(name('no-secret'), { ...script('true'), secretFiles: { key: 'unknown' } }), { message: 'there is none' });
    });

    test('have the folder, the home and the variables that they are given', async () => {
      const job = name('environment');
      await start(job, { command: ['env'], environment: { GIVEN: "it's $HOME" }, workingDirectory: directory });
      const { log } = await finish(job);
      const expected = { GIVEN: "it's $HOME", JOB_DIRECTORY: `${jobDirectory(job)}/own`, USER: (await onHost('id -un')).trim() };
      for (const [variable, value] of Object.entries(expected))
        assert.ok(log.split('\n').includes(`${variable}=${value}`), `${variable}: ${log}`);
      const there = name('there');
      await start(there, { command: ['pwd'], workingDirectory: directory });
      assert.equal((await finish(there)).log, directory);
    });

    test(
      'run as another user, who finds the secret and may tell progress and outcome',
      { skip: process.getuid?.() !== 0 && 'NOT TESTED: needs root' },
      async () => {
        const job = name('user');
        const file = jobSecretFile(job, 'key');
        await start(job, {
          ...script(
            'id -un; id -Gn; echo "$HOME"; cat -- "$2"; echo "1 2" >"$JOB_DIRECTORY/progress"; ln -s /etc/shadow "$JOB_DIRECTORY/outcome"',
            file,
          ),
          runAs: 'nobody',
          secretFiles: { key: 'db-password' },
        });
        const { exitCode, log, doneBytes, outcome } = await finish(job);
        assert.deepEqual([exitCode, log, doneBytes], [0, `nobody\nnogroup\n/nonexistent\n${secretText}`, 1]);
        // A link that the command leaves shows nobody else's file.
        assert.equal(outcome, '');
        const other = name('nobody-there');
        await start(other, { command: ['true'], runAs: 'no-such-user' });
        const end = await finish(other);
        assert.deepEqual([end.exitCode, end.line], [71, 'there is no user no-such-user']);
      },
    );

    test('keep the end of what they say, not all of it', async () => {
      const job = name('talkative');
      await start(job, script('head -c 30000000 /dev/zero | tr "\\0" x; echo; echo the end'));
      const { line, exitCode } = await finish(job);
      assert.deepEqual([exitCode, line], [0, 'the end']);
      const bytes = Number(await onHost('cat "$1"/log* | wc -c', jobDirectory(job)));
      assert.ok(bytes > 10 && bytes <= 2 * 4096 * 1024, String(bytes));
    });

    test('are discarded with every process, their state and the given files, twice the same', async () => {
      const job = name('discarded');
      const made = join(directory, 'made');
      await start(
        job,
        script(
          `trap '' TERM; echo $$ >"$1/pids"; : >"$1/made"; (trap '' TERM; while :; do sleep 0.2; done) & echo $! >>"$1/pids"; while :; do sleep 0.2; done`,
        ),
      );
      await waitUntil(
        'both are at work',
        async () => (await onHost('cat "$1/pids" 2>/dev/null || true', directory)).split('\n').length === 3,
      );
      for (let time = 0; time < 2; time += 1) await run('discardJob', { ...job, files: [made] });
      assert.equal(
        await onHost(
          'for pid in $(<"$1/pids"); do [ -e "/proc/$pid" ] && grep -H State "/proc/$pid/status"; done | grep -v Z || true',
          directory,
        ),
        '',
      );
      assert.equal(await isThere(made), false);
      assert.equal(await onHost('ls -A -- "$1"', jobsDirectory(ref)), '');
    });

    test('are forgotten when they have ended, not while they run, and can then begin again', async () => {
      const job = name('forgotten');
      await start(job, script(`${untilGo}; echo done >>"$1/made"`));
      await assert.rejects(run('forgetJob', job), { type: 'CommandFailed', message: /still runs/ });
      await go();
      await finish(job);
      for (let time = 0; time < 2; time += 1) await run('forgetJob', job);
      assert.equal((await run('watchJob', { ...job, watchSeconds: 5 })).state, 'absent');
      if (way === 'systemd')
        await waitUntil(
          'systemd has let go of its unit',
          async () => (await onHost(`systemctl list-units --all --plain --no-legend 'nightshift-test-*'`)) === '',
        );
      await start(job, script('echo again >>"$1/made"'));
      await finish(job);
      assert.equal(await onHost('cat "$1/made"', directory), 'done\nagain\n');
    });

    test('are lost when they are killed, and end with the signal when their command is', async () => {
      const lost = name('lost');
      await start(lost, script(untilGo));
      const processId = await onHost('. "$1/process"; echo "$processId"', jobDirectory(lost));
      await onHost('kill -9 -- "-$1"', processId.trim());
      assert.deepEqual((await finish(lost)).state, 'lost');
      const ended = name('ended');
      await start(ended, script('echo killed; kill -9 $$'));
      const { state, exitCode, line } = await finish(ended);
      assert.deepEqual([state, exitCode, line], ['ended', 137, 'killed']);
    });

    test('whose command or folder is not there say so', async () => {
      const noCommand = name('no-command');
      await start(noCommand, { command: ['nightshift-no-such-command'] });
      assert.equal((await finish(noCommand)).exitCode, 127);
      const noFolder = name('no-folder');
      await start(noFolder, { command: ['true'], workingDirectory: '/no/such/folder' });
      const { exitCode, line } = await finish(noFolder);
      assert.deepEqual([exitCode, /no\/such\/folder/.test(line)], [71, true]);
    });

    test('go on when the way to the host is lost, and are found again', { skip: way !== 'ssh' && 'a matter of SSH' }, async () => {
      const job = name('dropped');
      await start(job, script(`${untilGo}; echo done`));
      server?.dropConnections();
      const look = (): Promise<JobLook> => run('watchJob', { ...job, watchSeconds: 0 });
      // As Temporal does: the attempt that meets the loss fails, the next one finds the job.
      const seen = await look().catch((error: { type?: string }) => {
        assert.equal(error.type, 'HostUnreachable');
        return look();
      });
      assert.equal(seen.state, 'running');
      await go();
      assert.equal((await finish(job)).line, 'done');
    });

    test('refuse names, users, variables and paths that lead astray', async () => {
      const wrong: Partial<HostJob & JobCommand>[] = [
        { job: '../x' },
        { job: 'a b' },
        { command: [] },
        { runAs: '-x' },
        { environment: { 'A B': '' } },
        { workingDirectory: 'relative' },
      ];
      for (const changes of wrong)
        await assert.rejects(
          run('startJob', { host: ref, job: 'nightshift-test-wrong', command: ['true'], ...changes }),
          { type: 'InvalidInput' },
          JSON.stringify(changes),
        );
      await assert.rejects(start(name('wrong'), { command: ['true'], secretFiles: { '../x': 'db-password' } }), { type: 'InvalidInput' });
      await assert.rejects(run('discardJob', { host: ref, job: 'nightshift-test-wrong', files: ['/srv/../etc/passwd'] }), {
        type: 'InvalidInput',
      });
    });
  });
}
