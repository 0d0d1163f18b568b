import { failure } from '../../activities/failure.ts';
import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import { describeFailure, isCancellation } from '../runbook/failures.ts';
import { inParallel } from '../runbook/inParallel.ts';
import { probe } from '../runbook/profiles.ts';
import { serviceKey, setKey, setsOf, type Night } from './night.ts';
import { backupDirectory, jobPrefix, journalFile } from './setNames.ts';
import type { RunJournal } from './coldBackup.contract.ts';

const hostsAtOnceMax = 8;
const archiveCommands = ['bash', 'tar', 'zstd', 'sha256sum', 'tee', 'find', 'stat', 'setsid', 'sync'];

/** Everything is checked before anything is touched; each step tells every fault it found (vitam 3). */
export async function preflight(night: Night): Promise<void> {
  const { plan, runbook } = night;
  await runbook.step(plan.preflight.hosts, () => checkHosts(night));
  await runbook.step(plan.preflight.leftovers, () => checkLeftovers(night));
  await runbook.step(plan.preflight.services, () => recordServices(night));
  await runbook.step(plan.preflight.mongo, () => checkMongo(night));
  await runbook.step(plan.preflight.disks, () => checkDisks(night));
}

/** Hosts that hold or may hold parts of the set. */
export function backupHosts({ platform }: Night): HostRef[] {
  const hosts = [
    ...setsOf(platform).flatMap(({ set }) => set.members.map(({ host }) => host)),
    ...platform.backup.further.map(({ host }) => host),
    platform.backup.catalogHost,
  ];
  return [...new Map(hosts.map((host) => [host.name, host])).values()];
}

/** Runs a check on each item, collects every fault, fails with all of them. */
async function checkEach<Item>(items: readonly Item[], check: (item: Item) => Promise<string[]>): Promise<void> {
  const faults = await inParallel(items, hostsAtOnceMax, async (item) => {
    try {
      return await check(item);
    } catch (error) {
      if (isCancellation(error)) throw error;
      const { type, message } = describeFailure(error);
      return [`${type}: ${message}`];
    }
  });
  const all = [...new Set(faults.flat())];
  if (all.length > 0) throw failure('PreflightFailed', `${all.length} faults: ${all.join(' | ')}`, { faults: all });
}

async function checkHosts(night: Night): Promise<void> {
  const holders = new Set(backupHosts(night).map(({ name }) => name));
  const limit = night.platform.policy.clockSkewLimitSeconds;
  await checkEach(night.platform.hosts, async (host) => {
    const seen = await probe(`reach ${host.name}`).checkHost({ host, commands: holders.has(host.name) ? archiveCommands : ['sh'] });
    const faults = seen.missingCommands.map((command) => `${host.name}: command ${command} is missing`);
    if (Math.abs(seen.clockSkewMs) > limit * 1000)
      faults.push(`${host.name}: its clock is ${(seen.clockSkewMs / 1000).toFixed(1)} s off; limit ${limit} s`);
    return faults;
  });
  const store = night.platform.backup.objectStore;
  if (store) await checkEach([store], async () => (await probe(`reach bucket ${store.bucket}`).checkObjectStore({ store }), []));
}

async function checkLeftovers(night: Night): Promise<void> {
  const { platform } = night;
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
  await checkEach(backupHosts(night), async (host) => {
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
async function recordServices(night: Night): Promise<void> {
  const { platform } = night;
  const services = platform.components.flatMap((component) => component.hosts.map((host) => ({ component, host })));
  await checkEach(services, async ({ component, host }) => {
    const state = await probe(`state of ${component.unit} on ${host.name}`).readServiceState({
      host,
      unit: component.unit,
      ports: [component.servicePort],
    });
    if (state.condition === 'running' || state.condition === 'starting') night.running.add(serviceKey(component.name, host.name));
    else night.runbook.warn(`${component.unit} on ${host.name} was already down (${state.said}): it stays down`);
    return [];
  });
  const { securisation } = platform;
  if (securisation.mechanism === 'timers') {
    const { host, units } = securisation;
    await checkEach(units, async (unit) => {
      await probe(`state of ${unit} on ${host.name}`).readServiceState({ host, unit: `${unit}.service`, ports: [] });
      await probe(`state of ${unit}.timer on ${host.name}`).readServiceState({ host, unit: `${unit}.timer`, ports: [] });
      return [];
    });
  }
}

async function checkMongo(night: Night): Promise<void> {
  const { platform } = night;
  await checkEach(setsOf(platform), async ({ cluster, set }) => {
    const health = await probe(`health of ${setKey(cluster, set)}`).checkReplicaSet({ set });
    return health.faults.map((fault) => `${setKey(cluster, set)}: ${fault}`);
  });
  await checkEach(
    setsOf(platform).flatMap(({ set }) => set.members),
    async ({ host, unit, port }) => {
      const state = await probe(`state of ${unit} on ${host.name}`).readServiceState({ host, unit, ports: [port] });
      return state.condition === 'running' ? [] : [`${host.name}: ${unit} is ${state.said}, though it is a member of a healthy set`];
    },
  );
  await checkEach(platform.clusters, async (cluster) => {
    const balancer = await probe(`balancer of ${cluster.name}`).readBalancer({ cluster });
    night.balancers.set(cluster.name, balancer.mode);
    if (balancer.mode === 'off') night.runbook.warn(`the balancer of ${cluster.name} was already off: it stays off`);
    return [];
  });
}

/** Any member may be primary when its turn comes, so every member's host needs room for all that it may have to hold. */
async function checkDisks(night: Night): Promise<void> {
  const { platform } = night;
  const sources = [
    ...setsOf(platform).flatMap(({ set }) => set.members.map(({ host, dataDirectory }) => ({ host, path: dataDirectory }))),
    ...platform.backup.further.map(({ host, path }) => ({ host, path })),
  ];
  const hosts = [...new Map(sources.map(({ host }) => [host.name, host])).values()];
  await checkEach(hosts, async (host) => {
    const directory = backupDirectory(platform, host);
    const act = probe(`free space on ${host.name}`);
    await act.ensureDirectory({ host, path: directory });
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
