import { failure } from '../../activities/failure.ts';
import { describeFailure } from '../runbook/failures.ts';
import { inParallel } from '../runbook/inParallel.ts';
import { once, probe } from '../runbook/profiles.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import type { BringBackItem, BringBackStage } from '../runbook/wayBack.ts';
import { serviceCommand } from './commands.ts';
import { serviceKey, setKey, type Night } from './night.ts';
import type { ClusterStep, ReplicaSetStep, ServiceStep } from './plan.ts';
import { resumeJobs } from './securisation.ts';
import { backupDirectory, journalFile, setsOf } from './setNames.ts';
import { memberOf } from './shardedMongoBackup.ts';

const setsAtOnceMax = 16;

/**
 * What brings back what this run took down and nothing else, in the start order (vitam 34): copies ended, mongods and config servers, balancer, services, scheduled jobs,
 * then one look at everything. The same stages end a good run and an aborted one.
 */
export function platformBack(
  night: Night,
  { copies, members, wait }: { copies: () => Promise<void>; members: BringBackStage; wait: (planned: ReplicaSetStep) => boolean },
): BringBackStage[] {
  const plan = night.plan.wayBack;
  return [
    stage([item(plan.discard, [], copies)]),
    members,
    stage(
      plan.waitForSets.flatMap((planned) =>
        wait(planned) ? [item(planned, [], () => waitForSet(planned))] : none(night, [planned], 'its member was not stopped'),
      ),
    ),
    stage(
      plan.routers.flatMap((planned) =>
        night.stopped.size > 0
          ? [item(planned, [], () => restartRouters(planned))]
          : none(night, [planned], 'no config server was stopped'),
      ),
    ),
    stage(
      forBalancers(
        night,
        plan.balancerBack,
        async ({ cluster }) =>
          void (await once(`balancer of ${cluster.name} to its former mode`, 120).restoreBalancer({
            cluster,
            mode: formerMode(night, cluster.name),
          })),
      ),
    ),
    stage(forBalancers(night, plan.balancerCheck, (planned) => checkBalancer(night, planned), true)),
    ...plan.start.flatMap(({ steps, oneHostAtATime }) => {
      const items = steps.flatMap((planned) => serviceItem(night, planned));
      return oneHostAtATime ? items.map((each) => stage([each])) : [stage(items)];
    }),
    stage(
      night.pausedJobs ? [item(plan.resume, ['scheduler'], () => resumeJobs(night))] : none(night, [plan.resume], 'nothing was paused'),
    ),
    stage([item(plan.health, [], () => checkHealth(night))]),
  ];
}

/** Removes the run's journal; after a way back that failed it stays, for vitamStart. */
export function journalGone(night: Night, failed: { error: unknown } | null): BringBackStage[] {
  const planned = night.plan.wayBack.journalGone;
  if (failed && describeFailure(failed.error).type === 'PlatformNotRestored') return [];
  return [stage(night.journalWritten ? [item(planned, [], () => removeJournal(night))] : none(night, [planned], 'none was written'))];
}

export const stage = (items: BringBackItem[]): BringBackStage => ({ items, atOnceMax: setsAtOnceMax });
export const item = (step: PlannedStep, settles: string[], perform: () => Promise<void>): BringBackItem => ({ step, settles, perform });

function none(night: Night, steps: PlannedStep[], why: string): BringBackItem[] {
  for (const each of steps) night.run.notNeeded(each, why);
  return [];
}

/**
 * Steps 12 and 13 in one stage, begun in the platform's order: a shard member whose config servers are all down does not open its port,
 * so waiting for the one before starting the other could wait for ever (vitam 33).
 */
export function stoppedMembers(night: Night): BringBackStage {
  const { platform } = night;
  const plan = night.plan.wayBack;
  const inOrder =
    platform.policy.mongoStartOrder === 'mongodFirst'
      ? [...plan.startMembers, ...plan.startConfig]
      : [...plan.startConfig, ...plan.startMembers];
  const items = inOrder.flatMap((planned) => {
    const key = setKey(planned.cluster, planned.set);
    const seen = night.stopped.get(key);
    if (!seen) return none(night, [planned], 'was not stopped');
    const { host, unit, port } = memberOf(planned.set, seen);
    return [
      item({ ...planned, commands: [serviceCommand(host, 'start', unit)] }, [`member/${key}`], async () => {
        await once(`start ${unit} on ${host.name}`, 300).startService({
          host,
          unit,
          ports: [port],
          limitSeconds: planned.limitSeconds ?? 300,
        });
      }),
    ];
  });
  return { items, atOnceMax: Math.max(1, items.length) };
}

async function waitForSet({ set, title, limitSeconds }: ReplicaSetStep): Promise<void> {
  await once(title, limitSeconds ?? 300).waitForReplicaSet({ set, limitSeconds: limitSeconds ?? 300 });
}

async function restartRouters({ cluster }: ClusterStep): Promise<void> {
  for (const { host, unit, port } of cluster.routers) {
    await once(`stop ${unit} on ${host.name}`, 300).stopService({
      host,
      unit,
      ports: [port],
      acceptedConditions: ['stopped', 'failed'],
      limitSeconds: 300,
    });
    await once(`start ${unit} on ${host.name}`, 300).startService({ host, unit, ports: [port], limitSeconds: 300 });
  }
}

const formerMode = (night: Night, cluster: string): 'full' | 'off' => night.balancers.get(cluster) ?? 'full';

function forBalancers(
  night: Night,
  steps: ClusterStep[],
  perform: (planned: ClusterStep) => Promise<void>,
  settles = false,
): BringBackItem[] {
  return steps.flatMap((planned) =>
    night.balancersOff.has(planned.cluster.name)
      ? [item(planned, settles ? [`balancer/${planned.cluster.name}`] : [], () => perform(planned))]
      : none(night, [planned], 'was not turned off'),
  );
}

async function checkBalancer(night: Night, { cluster }: ClusterStep): Promise<void> {
  const state = await probe(`balancer of ${cluster.name} as before?`).readBalancer({ cluster });
  const wanted = formerMode(night, cluster.name);
  if (state.mode !== wanted) throw failure('BalancerNotRestored', `balancer of ${cluster.name}: mode ${state.mode}, wanted ${wanted}`);
}

function serviceItem(night: Night, planned: ServiceStep): BringBackItem[] {
  const { component, serviceHost: host, limitSeconds } = planned;
  const key = serviceKey(component.name, host.name);
  if (!night.stoppedServices.has(key))
    return none(night, [planned], night.running.has(key) ? 'was not stopped' : 'was already down before the run: stays down');
  return [
    item(planned, [`service/${key}`], async () => {
      const limit = limitSeconds ?? component.limits.startSeconds;
      await once(`start ${component.unit} on ${host.name}`, limit).startService({
        host,
        unit: component.unit,
        ports: [component.servicePort],
        limitSeconds: limit,
        // The next one need not wait until this one has lived for a second: the last look asks for all of them again.
        waitFor: 'ports',
      });
      await checkStatus(planned, component.limits.apiSeconds);
    }),
  ];
}

async function checkStatus({ component, serviceHost: host }: ServiceStep, limitSeconds: number): Promise<void> {
  const { status } = component;
  if (!status) return;
  await once(`status of ${component.unit} on ${host.name}`, limitSeconds).waitForHttp({
    host,
    request: {
      method: 'GET',
      scheme: status.scheme,
      port: status.port,
      path: status.path,
      timeoutSeconds: Math.min(30, limitSeconds),
      ...(status.tls ? { tls: status.tls } : {}),
    },
    accept: status.accept,
    limitSeconds,
  });
}

/** Unfinished copies end and leave nothing; of finished ones only the job is forgotten. The folders of a void set go later, with the services back. */
export async function settleCopies(night: Night): Promise<void> {
  const done = new Set(night.parts.map(({ archive }) => archive.file));
  await inParallel(night.jobs, setsAtOnceMax, (job) =>
    done.has(job.target)
      ? once(`forget the job of ${job.target}`, 60).forgetArchiveJob(job)
      : once(`stop the copy ${job.job}`, 120).discardArchive({ ...job, removeTarget: true }),
  );
}

/** Removes the journal of this run (vitamStart: of the lost one); another run's is left where it is. */
export async function removeJournal(night: Night): Promise<void> {
  const { platform, run } = night;
  const host = platform.backup.catalogHost;
  const path = journalFile(platform);
  const text = await once(`whose run journal is on ${host.name}?`, 60).readTextFile({ host, path });
  if (text !== null && night.journalOf !== 'any' && !text.includes(night.journalOf))
    run.warn(`the run journal on ${host.name} is another run's: left there`);
  else
    await once(`remove the run journal on ${host.name}`, 60).removePaths({ host, below: backupDirectory(platform, host), paths: [path] });
  night.journalWritten = false;
}

/**
 * The last word before the run says that the platform is back (vitam 35): every service that ran before, every set, every balancer. What the run started
 * must have lived; what has died since is started once more.
 */
async function checkHealth(night: Night): Promise<void> {
  const { plan, platform } = night;
  const services = plan.wayBack.start
    .flatMap(({ steps }) => steps)
    .filter(({ component, serviceHost }) => night.running.has(serviceKey(component.name, serviceHost.name)));
  const faults = (
    await Promise.all([
      ...services.map((planned) => faultOf(() => serviceFault(night, planned))),
      ...setsOf(platform).map(({ cluster, set }) =>
        faultOf(async () =>
          (await probe(`health of ${setKey(cluster, set)}`).checkReplicaSet({ set })).faults
            .map((fault) => `${setKey(cluster, set)}: ${fault}`)
            .join('; '),
        ),
      ),
      ...platform.clusters
        .filter(({ name }) => night.balancers.has(name))
        .map((cluster) =>
          faultOf(async () => {
            const state = await probe(`balancer of ${cluster.name}`).readBalancer({ cluster });
            return state.mode === formerMode(night, cluster.name) ? '' : `balancer of ${cluster.name} is ${state.mode}`;
          }),
        ),
    ])
  ).filter((fault) => fault !== '');
  if (faults.length > 0) throw failure('ServiceNotStarted', `${faults.length} are not well: ${faults.join(' | ')}`);
}

async function faultOf(check: () => Promise<string>): Promise<string> {
  try {
    return await check();
  } catch (error) {
    return describeFailure(error).message;
  }
}

async function serviceFault(night: Night, planned: ServiceStep): Promise<string> {
  const { component, serviceHost: host, limitSeconds } = planned;
  const asked = { host, unit: component.unit, ports: [component.servicePort] };
  if (night.stoppedServices.has(serviceKey(component.name, host.name))) {
    const limit = limitSeconds ?? component.limits.startSeconds;
    await once(`${component.unit} on ${host.name} still up?`, limit).startService({ ...asked, limitSeconds: limit });
  } else {
    const state = await probe(`state of ${component.unit} on ${host.name}`).readServiceState(asked);
    const closed = state.ports.filter(({ open }) => !open).map(({ port }) => port);
    if (state.condition !== 'running') return `${component.unit} on ${host.name} is ${state.said}`;
    if (closed.length > 0) return `${component.unit} on ${host.name}: port ${closed.join(', ')} is closed`;
  }
  await checkStatus(planned, 30);
  return '';
}
