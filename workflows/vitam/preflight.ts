import { failure, withoutRemedy } from '../../activities/failure.ts';
import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import type { BalancerMode } from '../../activities/mongo/mongo.contract.ts';
import { describeFailure, isCancellation } from '../runbook/failures.ts';
import { inParallel } from '../runbook/inParallel.ts';
import { local, probe } from '../runbook/profiles.ts';
import type { Look } from '../runbook/runbook.contract.ts';
import { serviceKey, setKey, type Night } from './night.ts';
import { backupDirectory, jobPrefix, journalFile, setsOf } from './setNames.ts';
import type { RunJournal } from './coldBackup.contract.ts';
import type { ColdBackupPlan } from './plan.ts';
import type { VitamPlatform } from './platform.contract.ts';

const hostsAtOnceMax = 8;
const archiveCommands = ['bash', 'tar', 'zstd', 'sha256sum', 'tee', 'find', 'stat', 'setsid', 'sync'];

/** What the checks read, and what they find beside faults. */
export interface Survey {
  readonly platform: VitamPlatform;
  /** "component@host" of services that run; the others stay down. */
  readonly running: Set<string>;
  readonly balancers: Map<string, BalancerMode>;
  warn: (text: string) => void;
}

/** In the order of the plan's first phase. Each answers every fault that it found. */
const checks: Record<keyof ColdBackupPlan['preflight'], (survey: Survey, mayWrite: boolean) => Promise<string[]>> = {
  hosts: checkHosts,
  leftovers: checkLeftovers,
  services: recordServices,
  mongo: checkMongo,
  disks: checkDisks,
};
const checkNames = Object.keys(checks) as (keyof typeof checks)[];

/** Everything is checked before anything is touched; each step fails with all the faults that it found (vitam 3). */
export async function preflight(night: Night): Promise<void> {
  for (const name of checkNames)
    await night.run.step(night.plan.preflight[name], async () => {
      const faults = await checks[name](night, true);
      if (faults.length > 0) throw failure('PreflightFailed', `${faults.length} faults: ${faults.join(' | ')}`, { faults });
    });
}

/** The same checks for a dry run: all of them, whatever the first ones say, and nothing is written. */
export async function lookAhead(platform: VitamPlatform): Promise<Look> {
  const found: Look = { faults: [], warnings: [] };
  const survey: Survey = { platform, running: new Set(), balancers: new Map(), warn: (text) => void found.warnings.push(text) };
  for (const name of checkNames)
    try {
      found.faults.push(...(await checks[name](survey, false)));
    } catch (error) {
      if (isCancellation(error)) throw error;
      found.faults.push(withoutRemedy(describeFailure(error).message));
    }
  const at = new Date().toISOString();
  return { ...found, facts: { window: await local.findWindow({ ...platform.window, at }) } };
}

/** Hosts that hold or may hold parts of the set. */
export function backupHosts({ platform }: Pick<Survey, 'platform'>): HostRef[] {
  const hosts = [
    ...setsOf(platform).flatMap(({ set }) => set.members.map(({ host }) => host)),
    ...platform.backup.further.map(({ host }) => host),
    platform.backup.catalogHost,
  ];
  return [...new Map(hosts.map((host) => [host.name, host])).values()];
}

/** Runs a check on each item and collects every fault. */
async function checkEach<Item>(items: readonly Item[], check: (item: Item) => Promise<string[]>): Promise<string[]> {
  const faults = await inParallel(items, hostsAtOnceMax, async (item) => {
    try {
      return await check(item);
    } catch (error) {
      if (isCancellation(error)) throw error;
      const { type, message } = describeFailure(error);
      return [`${type}: ${message}`];
    }
  });
  return [...new Set(faults.flat())];
}

async function checkHosts(survey: Survey): Promise<string[]> {
  const holders = new Set(backupHosts(survey).map(({ name }) => name));
  const limit = survey.platform.policy.clockSkewLimitSeconds;
  const faults = await checkEach(survey.platform.hosts, async (host) => {
    const seen = await probe(`reach ${host.name}`).checkHost({ host, commands: holders.has(host.name) ? archiveCommands : ['sh'] });
    const own = seen.missingCommands.map((command) => `${host.name}: command ${command} is missing`);
    if (Math.abs(seen.clockSkewMs) > limit * 1000)
      own.push(`${host.name}: its clock is ${(seen.clockSkewMs / 1000).toFixed(1)} s off; limit ${limit} s`);
    return own;
  });
  const { objectStore: store } = survey.platform.backup;
  if (!store) return faults;
  return [
    ...faults,
    ...(await checkEach([store], async () => (await probe(`reach bucket ${store.bucket}`).checkObjectStore({ store }), []))),
  ];
}

async function checkLeftovers({ platform }: Survey): Promise<string[]> {
  const text = await probe('look for the journal of an earlier run').readTextFile({
    host: platform.backup.catalogHost,
    path: journalFile(platform),
  });
  if (text !== null) {
    const journal = parseJournal(text);
    throw failure(
      'LeftoverOfEarlierRun',
      `run "${journal?.workflowId ?? 'unknown'}" of ${journal?.beganAt ?? 'an unknown time'} did not end: its journal is on ${platform.backup.catalogHost.name}`,
      { workflowId: journal?.workflowId ?? null },
    );
  }
  return checkEach(backupHosts({ platform }), async (host) => {
    const { partialFiles, jobs } = await probe(`look for unfinished copies on ${host.name}`).findUnfinishedArchives({
      host,
      path: backupDirectory(platform, host),
      jobPrefix: jobPrefix(platform),
    });
    return [
      ...partialFiles.map((file) => `${host.name}: unfinished copy ${file}; vitamStart removes it`),
      ...jobs.map((job) => `${host.name}: copy job ${job} of an earlier run; vitamStart removes it`),
    ];
  });
}

export function parseJournal(text: string): RunJournal | null {
  try {
    const journal = JSON.parse(text) as RunJournal;
    return journal.format === 'nightshift-vitam-journal/1' ? journal : null;
  } catch {
    return null;
  }
}

/** What was already down stays down after the run: so it is recorded, not only checked. */
async function recordServices({ platform, running, warn }: Survey): Promise<string[]> {
  const services = platform.components.flatMap((component) => component.hosts.map((host) => ({ component, host })));
  const faults = await checkEach(services, async ({ component, host }) => {
    const state = await probe(`state of ${component.unit} on ${host.name}`).readServiceState({
      host,
      unit: component.unit,
      ports: [component.servicePort],
    });
    if (state.condition === 'running' || state.condition === 'starting') running.add(serviceKey(component.name, host.name));
    else warn(`${component.unit} on ${host.name} was already down (${state.said}): it stays down`);
    return [];
  });
  const { securisation } = platform;
  if (securisation.mechanism !== 'timers') return faults;
  const { host, units } = securisation;
  const ofTimers = await checkEach(units, async (unit) => {
    await probe(`state of ${unit} on ${host.name}`).readServiceState({ host, unit: `${unit}.service`, ports: [] });
    await probe(`state of ${unit}.timer on ${host.name}`).readServiceState({ host, unit: `${unit}.timer`, ports: [] });
    return [];
  });
  return [...faults, ...ofTimers];
}

async function checkMongo({ platform, balancers, warn }: Survey): Promise<string[]> {
  const ofSets = await checkEach(setsOf(platform), async ({ cluster, set }) => {
    const health = await probe(`health of ${setKey(cluster, set)}`).checkReplicaSet({ set });
    return health.faults.map((fault) => `${setKey(cluster, set)}: ${fault}`);
  });
  const ofMembers = await checkEach(
    setsOf(platform).flatMap(({ set }) => set.members),
    async ({ host, unit, port }) => {
      const state = await probe(`state of ${unit} on ${host.name}`).readServiceState({ host, unit, ports: [port] });
      return state.condition === 'running' ? [] : [`${host.name}: ${unit} is ${state.said}, though it is a member of a healthy set`];
    },
  );
  const ofBalancers = await checkEach(platform.clusters, async (cluster) => {
    const balancer = await probe(`balancer of ${cluster.name}`).readBalancer({ cluster });
    balancers.set(cluster.name, balancer.mode);
    if (balancer.mode === 'off') warn(`the balancer of ${cluster.name} was already off: it stays off`);
    return [];
  });
  return [...ofSets, ...ofMembers, ...ofBalancers];
}

/** Any member may be primary when its turn comes, so every member's host needs room for all that it may have to hold. */
async function checkDisks({ platform }: Survey, mayWrite: boolean): Promise<string[]> {
  const sources = [
    ...setsOf(platform).flatMap(({ set }) => set.members.map(({ host, dataDirectory }) => ({ host, path: dataDirectory }))),
    ...platform.backup.further.map(({ host, path }) => ({ host, path })),
  ];
  const hosts = [...new Map(sources.map(({ host }) => [host.name, host])).values()];
  return checkEach(hosts, async (host) => {
    const directory = backupDirectory(platform, host);
    const act = probe(`free space on ${host.name}`);
    if (mayWrite) await act.ensureDirectory({ host, path: directory });
    const space = await act.readDiskSpace({ host, path: directory });
    const faults: string[] = [];
    let sourceBytes = 0;
    for (const { path } of sources.filter((source) => source.host.name === host.name)) {
      sourceBytes += (await act.measureDirectory({ host, path })).sizeBytes;
      if (platform.backup.requireSeparateDisk && (await act.readDiskSpace({ host, path })).device === space.device)
        faults.push(`${host.name}: backup directory ${directory} is on the same disk as ${path}`);
    }
    const wantedBytes = Math.ceil(sourceBytes * platform.backup.freeSpaceFactor);
    if (space.freeBytes < wantedBytes)
      faults.push(`DiskSpaceInsufficient: ${host.name}: needs ${wantedBytes} bytes in ${directory}, ${space.freeBytes} free`);
    return faults;
  });
}
