import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach } from 'node:test';

import { createFileActivities } from '../../../activities/files/fileActivities.ts';
import type { Archive, ArchiveJob, FileActivities } from '../../../activities/files/files.contract.ts';
import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import { runActivity } from '../../support/runActivity.ts';
import { startSshServer, type SshServer } from '../hosts/sshServer.ts';
import { waitUntil } from '../../support/waitUntil.ts';

/** For jobs that are watched to their end, on however slow a machine. */
export const watchSecondsMax = 900;

/** What one test works with: a folder of its own with a source, and a job that copies it. */
export interface Bench {
  files: FileActivities;
  directory: string;
  ref: HostRef;
  job: ArchiveJob;
  server: SshServer | undefined;
}

export interface ArchiveBench {
  now(this: void): Bench;
  /** Names a job that is discarded at the end of the test, however it ends. */
  begin(this: void, name: string, changes?: Partial<ArchiveJob>): ArchiveJob;
  start(this: void, which?: ArchiveJob): Promise<void>;
  finish(this: void, which?: ArchiveJob): Promise<Archive>;
  /** A source that takes a while: incompressible, at a slow level. */
  makeSlow(this: void, bytes?: number): ArchiveJob;
  /** The process id that a job has recorded. */
  processOf(this: void, which: ArchiveJob): number;
  /** Starts a job and waits until it writes; gives its process id. */
  whileRunning(this: void, which: ArchiveJob): Promise<number>;
}

/** To be called inside `describe`: everything is made before and removed after each test. */
export function setUpArchiveBench(way: 'local' | 'ssh'): ArchiveBench {
  let server: SshServer | undefined;
  let hosts: ReturnType<typeof createHosts>;
  let files: FileActivities;
  let bench: Bench;
  const begun: ArchiveJob[] = [];

  before(async () => {
    server = way === 'ssh' ? await startSshServer() : undefined;
    hosts = createHosts({ resolveSecret: (name) => server?.resolveSecret(name) ?? Promise.reject(new Error('no server')) });
    files = createFileActivities({ openHost: hosts.openHost, resolveSecret: async () => '' });
  });
  after(async () => {
    await hosts?.close();
    await server?.stop();
  });
  beforeEach(() => {
    const directory = mkdtempSync(join(tmpdir(), "nightshift it's $HOME "));
    const local: HostRef = {
      name: 'here',
      address: '127.0.0.1',
      reach: { kind: 'local' },
      serviceManager: { kind: 'supervisor', command: 'supervisorctl', configFile: '/none' },
      stateDirectory: '',
    };
    const ref = { ...(server?.ref() ?? local), stateDirectory: join(directory, 'state') };
    mkdirSync(join(directory, 'backup'));
    makeSource(join(directory, 'source'));
    bench = { files, directory, ref, server, job: makeJob(ref, directory, 'set-1-shard0') };
    begun.push(bench.job);
  });
  afterEach(async () => {
    for (const each of begun.splice(0)) await runActivity(() => files.discardArchive({ ...each, removeTarget: true }));
    // A start that came second may be about to find out that it did.
    rmSync(bench.directory, { recursive: true, force: true, maxRetries: 10 });
  });

  const api: ArchiveBench = {
    now: () => bench,
    begin(name, changes = {}) {
      const made = { ...makeJob(bench.ref, bench.directory, name), ...changes };
      begun.push(made);
      return made;
    },
    start: (which = bench.job) => runActivity(() => files.startArchive(which)),
    async finish(which = bench.job) {
      const progress = await runActivity(() => files.watchArchive({ ...which, watchSeconds: watchSecondsMax }));
      assert.equal(progress.state, 'done');
      return progress.archive;
    },
    makeSlow(bytes = 150_000_000) {
      writeFileSync(join(bench.directory, 'source', 'large'), randomBytes(bytes));
      return api.begin('slow', { level: 19 });
    },
    processOf(which) {
      const recorded = readFileSync(join(bench.ref.stateDirectory, 'jobs', which.job, 'process'), 'utf8');
      return Number(/processId=(\d+)/.exec(recorded)?.[1]);
    },
    async whileRunning(which) {
      await api.start(which);
      await waitUntil('the part grows', () => existsSync(`${which.target}.part`));
      return api.processOf(which);
    },
  };
  return api;
}

function makeJob(host: HostRef, directory: string, name: string): ArchiveJob {
  const target = join(directory, 'backup', `${name}.tar.zst`);
  return { host, job: `nightshift-test-${name}`, source: join(directory, 'source'), target, level: 1, mustBeEmpty: ['mongod.lock'] };
}

/** A little of everything: names, links, sizes. */
function makeSource(source: string): void {
  mkdirSync(join(source, 'journal'), { recursive: true });
  writeFileSync(join(source, 'mongod.lock'), '');
  writeFileSync(join(source, 'plain'), 'text\n'.repeat(10_000));
  writeFileSync(join(source, '-rf'), 'leading dash');
  writeFileSync(join(source, 'line\nend é $(id)'), 'odd name');
  writeFileSync(join(source, 'journal', 'log.1'), randomBytes(3_000_000));
  symlinkSync('plain', join(source, 'link'));
}
