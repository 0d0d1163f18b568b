import { failure } from '../../activities/failure.ts';
import type { Archive, ArchiveJob } from '../../activities/files/files.contract.ts';
import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import type { ReplicaSet, SeenPrimary } from '../../activities/mongo/mongo.contract.ts';
import type { FakeActivities } from './fakePlatform.contract.ts';
import { fakeContent } from './fakeContent.ts';
import { FakePlatformState, keyOf } from './fakePlatformState.ts';

/** Without what differs from run to run: the name of the set and, in a proof's directory, the run. */
const nameless = (text: string): string => text.replace(/\d{8}T\d{6}Z-[0-9a-f]{8}(-[0-9a-f]{6}(?=-))?/, 'SET');

/**
 * A fake of a whole VITAM platform in memory behind the contracts of the activities. It obeys the physics that matter (a mongod that runs cannot be
 * copied, a stopped logbook answers nothing) and records every violation of the procedure's rules that it sees.
 */
export class FakePlatform extends FakePlatformState {
  /** Every activity goes through here: recorded, and met by the trouble that the test chose for its key. */
  private wrap<Name extends keyof FakeActivities>(
    activity: Name,
    keyOf: (input: Parameters<FakeActivities[Name]>[0]) => string,
    act: FakeActivities[Name],
  ): FakeActivities[Name] {
    const perform = act as (input: Parameters<FakeActivities[Name]>[0]) => Promise<unknown>;
    return ((input: Parameters<FakeActivities[Name]>[0]) =>
      this.troubles.meet(activity, `${activity} ${keyOf(input)}`, '', { perform: () => perform(input) })) as FakeActivities[Name];
  }

  activities(): FakeActivities {
    const onHost = ({ host }: { host: HostRef }): string => host.name;
    const onUnit = ({ host, unit }: { host: HostRef; unit: string }): string => `${host.name}/${unit}`;
    const onFile = ({ host, path }: { host: HostRef; path: string }): string => `${host.name}:${nameless(path)}`;
    const onSet = ({ set }: { set: ReplicaSet }): string => set.name;
    const onCluster = ({ cluster }: { cluster: { name: string } }): string => cluster.name;
    const onJob = ({ host, job }: ArchiveJob): string => `${host.name}:${nameless(job)}`;
    const fileKey = (host: HostRef, path: string): string => `${host.name}:${path}`;
    return {
      checkHost: this.wrap('checkHost', onHost, async ({ host }) => ({
        host: host.name,
        clockSkewMs: 0,
        roundTripMs: 1,
        missingCommands: [],
      })),
      findProcesses: this.wrap('findProcesses', onHost, async () => []),
      runHostCommand: this.wrap('runHostCommand', onHost, async ({ host }) => {
        this.securedAt = new Date().toISOString();
        const { securisation } = this.platform;
        if (securisation.mechanism === 'cron')
          this.files.set(fileKey(host, securisation.resultFile), `${this.securisationOutcome} by hand`);
        return { exitCode: 0, elapsedSeconds: 0 };
      }),

      readServiceState: this.wrap('readServiceState', onUnit, async ({ host, unit, ports }) => this.stateOf(host, unit, ports)),
      stopService: this.wrap('stopService', onUnit, async ({ host, unit, ports }) => {
        const alreadySo = !this.isRunning(host.name, unit);
        this.checkStopRules(host, unit);
        this.conditions.set(`${host.name}/${unit}`, 'stopped');
        this.elect(host, unit);
        return { state: this.stateOf(host, unit, ports), alreadySo, elapsedSeconds: 0 };
      }),
      startService: this.wrap('startService', onUnit, async ({ host, unit, ports }) => {
        const alreadySo = this.isRunning(host.name, unit);
        if (this.broken.has(`${host.name}/${unit}`)) throw failure('ServiceNotStarted', `${unit} on ${host.name} does not start`);
        if (this.platform.components.some((component) => component.unit === unit)) {
          this.rule(this.membersRun() || this.broken.size > 0, `${unit} was started before MongoDB`);
        }
        this.conditions.set(`${host.name}/${unit}`, 'running');
        return { state: this.stateOf(host, unit, ports), alreadySo, elapsedSeconds: 0 };
      }),
      triggerService: this.wrap('triggerService', onUnit, async ({ host, unit }) => {
        this.securedAt = new Date().toISOString();
        this.lastStarts.set(`${host.name}/${unit}`, this.securedAt);
      }),

      requestHttp: this.wrap(
        'requestHttp',
        ({ request }) => `${request.method} ${request.path}`,
        async ({ host, request, accept }) => {
          await this.passTime();
          return this.accepted(this.answer(host, request), accept);
        },
      ),
      requestHttpAll: this.wrap(
        'requestHttpAll',
        ({ requests }) => requests[0]?.path ?? '',
        async ({ host, requests, accept }) => requests.map((request) => this.accepted(this.answer(host, request), accept)),
      ),
      waitForHttp: this.wrap(
        'waitForHttp',
        ({ host, request }) => `${host.name}:${request.port}`,
        async ({ host, request, accept }) => this.accepted(this.answer(host, request), accept),
      ),

      checkReplicaSet: this.wrap('checkReplicaSet', onSet, async ({ set }) => this.health(set)),
      findPrimary: this.wrap('findPrimary', onSet, async ({ set }) => this.primaryOf(set)),
      confirmPrimaryStopped: this.wrap('confirmPrimaryStopped', onSet, async ({ set, stopped }) => {
        const member = set.members.find(({ host }) => host.name === stopped.host);
        if (!member || this.isRunning(stopped.host, member.unit)) throw failure('PrimaryChanged', `${stopped.host} runs`);
        return { newPrimary: this.primaryOf(set) };
      }),
      waitForReplicaSet: this.wrap('waitForReplicaSet', onSet, async ({ set }) => {
        const health = this.health(set);
        if (health.faults.length > 0) throw failure('MongoNoPrimary', health.faults.join('; '));
        return health;
      }),
      readBalancer: this.wrap('readBalancer', onCluster, async ({ cluster }) => ({
        mode: this.balancers.get(cluster.name) ?? 'full',
        inRound: false,
        through: 'fake',
      })),
      stopBalancer: this.wrap('stopBalancer', onCluster, async ({ cluster }) => {
        this.balancers.set(cluster.name, 'off');
        return { mode: 'off', inRound: false, through: 'fake' };
      }),
      restoreBalancer: this.wrap('restoreBalancer', onCluster, async ({ cluster, mode }) => {
        this.balancers.set(cluster.name, mode);
        return { mode, inRound: false, through: 'fake' };
      }),
      recordContent: this.wrap('recordContent', onSet, async ({ set }) => fakeContent(set, this.primaryOf(set).host)),
      checkRestoredData: this.wrap('checkRestoredData', onHost, async ({ expected }) => ({
        collections: expected.collections.length,
        documents: 1,
        differences: [],
      })),

      measureDirectory: this.wrap('measureDirectory', onFile, async ({ path }) => ({ path, sizeBytes: 1000, files: 3 })),
      readDiskSpace: this.wrap('readDiskSpace', onFile, async ({ path }) => ({ path, freeBytes: 1e9, totalBytes: 2e9, device: path })),
      ensureDirectory: this.wrap('ensureDirectory', onFile, async () => undefined),
      listDirectory: this.wrap('listDirectory', onFile, async ({ host, path }) => {
        const below = `${host.name}:${path}/`;
        const names = [...this.files.keys()]
          .filter((file) => file.startsWith(below))
          .map((file) => file.slice(below.length).split('/')[0] ?? '');
        return [...new Set(names)];
      }),
      findUnfinishedArchives: this.wrap('findUnfinishedArchives', onFile, async ({ host, jobPrefix }) => ({
        partialFiles: [...this.files.keys()]
          .filter((file) => file.startsWith(`${host.name}:`) && file.endsWith('.part'))
          .map((file) => file.slice(host.name.length + 1)),
        jobs: [...this.jobs.values()].filter((job) => job.host.name === host.name && job.job.startsWith(jobPrefix)).map(({ job }) => job),
      })),
      readTextFile: this.wrap('readTextFile', onFile, async ({ host, path }) => this.files.get(fileKey(host, path)) ?? null),
      readFileState: this.wrap('readFileState', onFile, async ({ host, path }) => {
        const text = this.files.get(fileKey(host, path));
        return text === undefined ? null : { changedAt: new Date().toISOString(), firstLine: text.split('\n')[0] ?? '' };
      }),
      readChecksum: this.wrap('readChecksum', onFile, async ({ host, path }) => ({
        sizeBytes: this.files.get(fileKey(host, path))?.length ?? 0,
        sha256: 'f'.repeat(64),
      })),
      writeTextFile: this.wrap('writeTextFile', onFile, async ({ host, path, text, ifAbsent }) => {
        if (ifAbsent && this.files.has(fileKey(host, path))) return { written: false };
        this.files.set(fileKey(host, path), text);
        return { written: true };
      }),
      removePaths: this.wrap(
        'removePaths',
        ({ host, paths }) => `${host.name}:${nameless(paths[0] ?? '')}`,
        async ({ host, paths }) => {
          for (const path of paths)
            for (const file of [...this.files.keys()])
              if (file === fileKey(host, path) || file.startsWith(`${fileKey(host, path)}/`)) this.files.delete(file);
        },
      ),

      startArchive: this.wrap('startArchive', onJob, async (job) => {
        this.checkCopyRules(job);
        this.jobs.set(job.job, job);
        this.files.set(fileKey(job.host, `${job.target}.part`), 'part');
      }),
      watchArchive: this.wrap('watchArchive', onJob, async (job) => {
        if (!this.jobs.has(job.job)) throw failure('ArchiveFailed', `no job ${job.job}`);
        if (this.watchesPerCopy > 1) {
          this.watchesPerCopy -= 1;
          return { state: 'running', sourceBytes: 10, sourceTotalBytes: 1000, writtenBytes: 3, elapsedSeconds: 1 };
        }
        this.files.delete(fileKey(job.host, `${job.target}.part`));
        this.files.set(fileKey(job.host, job.target), 'archive');
        const archive: Archive = {
          host: job.host.name,
          file: job.target,
          sizeBytes: 100,
          sha256: 'a'.repeat(64),
          sourceBytes: 1000,
          elapsedSeconds: 1,
        };
        this.archives.set(job.target, archive);
        return { state: 'done', archive };
      }),
      discardArchive: this.wrap('discardArchive', onJob, async ({ removeTarget, ...job }) => {
        this.jobs.delete(job.job);
        this.files.delete(fileKey(job.host, `${job.target}.part`));
        if (removeTarget) this.files.delete(fileKey(job.host, job.target));
      }),
      forgetArchiveJob: this.wrap('forgetArchiveJob', onJob, async ({ job }) => {
        this.jobs.delete(job);
      }),
      verifyArchive: this.wrap('verifyArchive', onHost, async () => undefined),
      unpackArchive: this.wrap('unpackArchive', onHost, async ({ host, directory }) => {
        this.files.set(fileKey(host, `${directory}/WiredTiger`), 'data');
        return { path: directory, sizeBytes: 1000, files: 3 };
      }),
    };
  }

  /** The order of the night, seen from the platform: what may not be stopped while something above it still runs. */
  private checkStopRules(host: HostRef, unit: string): void {
    const { order, components, clusters } = this.platform;
    if (unit.endsWith('.timer')) return this.rule(this.securedAt !== null, `${unit} was stopped before the securisation had ended`);
    const stopOrder = [...order.fronts, ...order.workers, ...order.backEnds, ...order.search];
    const component = components.find((each) => each.unit === unit);
    if (component) {
      const before = stopOrder
        .slice(0, stopOrder.indexOf(component.name))
        .filter((name) => !order.workers.includes(name) || !order.workers.includes(component.name));
      for (const name of before)
        for (const each of components.filter((one) => one.name === name))
          for (const place of each.hosts)
            this.rule(!this.isRunning(place.name, each.unit), `${unit} was stopped before ${each.unit} on ${place.name}`);
      if (order.workers.includes(component.name))
        this.rule(this.securedAt !== null, `${unit} was stopped before the securisation had ended`);
      return;
    }
    this.rule(this.anyComponentRuns() === null, `${unit} on ${host.name} was stopped while ${this.anyComponentRuns() ?? ''} ran`);
    for (const cluster of clusters)
      this.rule(this.balancers.get(cluster.name) === 'off', `${unit} was stopped with the balancer of ${cluster.name} on`);
  }

  private checkCopyRules({ host, source }: ArchiveJob): void {
    const running = this.anyComponentRuns();
    this.rule(running === null, `a copy began while ${running ?? ''} ran`);
    for (const cluster of this.platform.clusters)
      for (const set of [cluster.config, ...cluster.shards])
        for (const member of set.members)
          if (member.host.name === host.name && member.dataDirectory === source)
            this.rule(!this.isRunning(host.name, member.unit), `${source} on ${host.name} was copied while ${member.unit} ran`);
  }

  private membersRun(): boolean {
    return this.platform.clusters.every((cluster) =>
      [cluster.config, ...cluster.shards].every((set) => set.members.every(({ host, unit }) => this.isRunning(host.name, unit))),
    );
  }

  private primaryOf(set: ReplicaSet): SeenPrimary {
    const name = this.primaries.get(keyOf(set));
    const member = set.members.find(({ host, unit }) => host.name === name && this.isRunning(host.name, unit));
    if (!member) throw failure('MongoNoPrimary', `${set.name} has no primary`);
    return { replicaSet: set.name, host: member.host.name, port: member.port, term: this.terms.get(keyOf(set)) ?? 1, memberId: 0 };
  }

  private health(set: ReplicaSet): {
    name: string;
    members: { host: string; port: number; state: string; term: number; lagSeconds: number }[];
    faults: string[];
  } {
    const members = set.members.map(({ host, port, unit }) => ({
      host: host.name,
      port,
      state: !this.isRunning(host.name, unit) ? 'UNREACHABLE' : this.primaries.get(keyOf(set)) === host.name ? 'PRIMARY' : 'SECONDARY',
      term: this.terms.get(keyOf(set)) ?? 1,
      lagSeconds: 0,
    }));
    return {
      name: set.name,
      members,
      faults: members.filter(({ state }) => state === 'UNREACHABLE').map(({ host }) => `${host} is unreachable`),
    };
  }
}
