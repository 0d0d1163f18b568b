import { failure } from '../../activities/failure.ts';
import type { Archive, ArchiveJob } from '../../activities/files/files.contract.ts';
import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import type { BalancerMode, ReplicaSet } from '../../activities/mongo/mongo.contract.ts';
import type { ServiceCondition, ServiceState } from '../../activities/services/services.contract.ts';
import type { PlatformState } from './fakePlatform.contract.ts';
import type { BackupManifest, RunJournal } from '../../workflows/vitam/coldBackup.contract.ts';
import type { VitamPlatform } from '../../workflows/vitam/platform.contract.ts';
import { archiveFile, jobName, journalFile, manifestFile } from '../../workflows/vitam/setNames.ts';
import { fakeContent } from './fakeContent.ts';
import { FakeTroubles, type Call, type Trouble } from './fakeTroubles.ts';
import { FakeVitamApi } from './fakeVitamApi.ts';

/** Sets of two clusters may have one name. */
export const keyOf = ({ name, members }: ReplicaSet): string => `${name} of ${members[0]?.host.name ?? ''}`;

/** What a fake platform is in, and how a test arranges it. */
export abstract class FakePlatformState extends FakeVitamApi {
  readonly files = new Map<string, string>();
  readonly archives = new Map<string, Archive>();
  protected readonly conditions = new Map<string, ServiceCondition>();
  protected readonly ports = new Map<string, number[]>();
  protected readonly lastStarts = new Map<string, string>();
  protected readonly jobs = new Map<string, ArchiveJob>();
  protected readonly primaries = new Map<string, string>();
  protected readonly terms = new Map<string, number>();
  protected readonly balancers = new Map<string, BalancerMode>();
  protected readonly troubles = new FakeTroubles({
    world: () => [this.state(), [...this.files]],
    clock: () => this.clock(),
    failsAs: 'InvalidInput',
  });
  /** Units that never come up again, until the test heals them. */
  readonly broken = new Set<string>();
  /** Rounds that the balancer is still in after it was turned off. */
  watchesPerCopy = 1;

  constructor(platform: VitamPlatform) {
    super(platform);
    for (const { unit, hosts, servicePort } of platform.components) for (const host of hosts) this.add(host, unit, servicePort);
    const { securisation } = platform;
    if (securisation.mechanism === 'timers')
      for (const unit of securisation.units) {
        this.add(securisation.host, `${unit}.timer`, 0);
        this.add(securisation.host, `${unit}.service`, 0);
        this.conditions.set(`${securisation.host.name}/${unit}.service`, 'stopped');
      }
    for (const cluster of platform.clusters) {
      this.balancers.set(cluster.name, 'full');
      for (const set of [cluster.config, ...cluster.shards]) {
        for (const { host, unit, port } of set.members) this.add(host, unit, port);
        const first = set.members[0];
        if (first) this.primaries.set(keyOf(set), first.host.name);
        this.terms.set(keyOf(set), 1);
      }
    }
  }

  protected add(host: HostRef, unit: string, port: number): void {
    this.conditions.set(`${host.name}/${unit}`, 'running');
    this.ports.set(`${host.name}/${unit}`, [port]);
  }

  setCondition(hostUnit: string, condition: ServiceCondition): void {
    this.conditions.set(hostUnit, condition);
  }

  setBalancer(cluster: string, mode: BalancerMode): void {
    this.balancers.set(cluster, mode);
  }

  get name(): string {
    return this.platform.name;
  }

  get calls(): Call[] {
    return this.troubles.calls;
  }

  unmet(): string[] {
    return this.troubles.unmet();
  }

  trouble(key: string, trouble: Trouble): void {
    this.troubles.choose(key, trouble);
  }

  /** What a run that was lost in its copies leaves: no service runs, of each set a member is down, and its journal, a copy and the pauses are there. */
  loseRun(): void {
    const { backup, clusters, components, name } = this.platform;
    const running = components.flatMap((component) => component.hosts.map((host) => `${component.name}@${host.name}`));
    const journal: RunJournal = {
      ...{ format: 'nightshift-vitam-journal/1', platform: name, workflowId: 'lost', runId: 'lost', set: 'lost' },
      ...{ beganAt: '2026-01-01T00:00:00.000Z', running, balancers: Object.fromEntries(this.balancers) },
    };
    this.files.set(`${backup.catalogHost.name}:${journalFile(this.platform)}`, JSON.stringify(journal));
    for (const { unit, hosts } of components) for (const host of hosts) this.conditions.set(`${host.name}/${unit}`, 'stopped');
    this.paused = true;
    for (const cluster of clusters) {
      this.balancers.set(cluster.name, 'off');
      for (const { members } of [cluster.config, ...cluster.shards]) {
        const [first] = members;
        if (!first) continue;
        this.conditions.set(`${first.host.name}/${first.unit}`, 'stopped');
        this.elect(first.host, first.unit);
      }
      const member = cluster.shards[0]?.members[0];
      if (!member) continue;
      const { host, dataDirectory: source } = member;
      const target = archiveFile(this.platform, host, 'lost', 'shard0');
      const job = jobName(this.platform, 'lost', 'shard0');
      this.jobs.set(job, { host, job, source, target, level: backup.compressionLevel, mustBeEmpty: [] });
      this.files.set(`${host.name}:${target}.part`, 'part');
    }
  }

  /** Puts the manifest of a good set of those parts on the catalog host. */
  keepSet(set: string, parts: { name: string; host: string }[]): void {
    const { clusters, backup, name } = this.platform;
    const archive = { sizeBytes: 100, sha256: 'a'.repeat(64), sourceBytes: 1000, elapsedSeconds: 1 };
    const manifest: BackupManifest = {
      ...{ format: 'nightshift-vitam-backup/1', set, platform: name, workflowId: 'former', runId: 'former' },
      ...{ beganAt: '2026-01-01T00:00:00.000Z', completedAt: '2026-01-01T01:00:00.000Z', downtimeSeconds: 60, tools: { nightshift: '1' } },
      parts: parts.map((part) => ({
        name: part.name,
        archive: { ...archive, host: part.host, file: `/backup/${set}/${part.name}.tar.zst` },
      })),
      content: Object.fromEntries(
        clusters.flatMap((cluster) =>
          [cluster.config, ...cluster.shards].map((each) => [`${cluster.name}/${each.name}`, fakeContent(each, 'former')]),
        ),
      ),
    };
    this.files.set(`${backup.catalogHost.name}:${manifestFile(this.platform, backup.catalogHost, set)}`, JSON.stringify(manifest));
  }

  state(): PlatformState {
    return {
      running: [...this.conditions]
        .filter(([, condition]) => condition === 'running')
        .map(([key]) => key)
        .sort(),
      balancers: Object.fromEntries(this.balancers),
      schedulerPaused: this.paused,
      jobs: [...this.jobs.keys()],
      partialFiles: [...this.files.keys()].filter((file) => file.endsWith('.part')),
      journal: [...this.files.keys()].some((file) => file.endsWith('.run.json')),
    };
  }

  manifests(): string[] {
    return [...this.files.keys()].filter((file) => file.endsWith('manifest.json'));
  }

  protected override isRunning(host: string, unit: string): boolean {
    return this.conditions.get(`${host}/${unit}`) === 'running';
  }

  protected stateOf(host: HostRef, unit: string, ports: number[]): ServiceState {
    const condition = this.conditions.get(`${host.name}/${unit}`);
    if (!condition) throw failure('UnknownUnit', `${host.name} has no unit ${unit}`);
    const lastStartAt = this.lastStarts.get(`${host.name}/${unit}`);
    return {
      condition,
      said: condition,
      ...(lastStartAt ? { lastStartAt } : {}),
      ports: ports.map((port) => ({ port, open: condition === 'running' })),
    };
  }

  protected anyComponentRuns(): string | null {
    for (const { unit, hosts } of this.platform.components)
      for (const host of hosts) if (this.isRunning(host.name, unit)) return `${unit} on ${host.name}`;
    return null;
  }

  protected elect(host: HostRef, unit: string): void {
    for (const cluster of this.platform.clusters)
      for (const set of [cluster.config, ...cluster.shards]) {
        const stopped = set.members.find((member) => member.host.name === host.name && member.unit === unit);
        if (!stopped || this.primaries.get(keyOf(set)) !== host.name) continue;
        const next = set.members.find((member) => this.isRunning(member.host.name, member.unit));
        if (next) this.primaries.set(keyOf(set), next.host.name);
        this.terms.set(keyOf(set), (this.terms.get(keyOf(set)) ?? 0) + 1);
      }
  }
}
