import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import type { MongoCluster, ReplicaSet } from '../../activities/mongo/mongo.contract.ts';
import { step as plannedStep, stepsOf } from '../runbook/plan.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import { onHost, serviceCommand } from './commands.ts';
import type { VitamComponent, VitamPlatform } from './platform.contract.ts';
import { partName, setsOf, type SetOfCluster } from './setNames.ts';

export const phases = {
  preflight: '1. Preflight',
  record: '2. Record counts and digests',
  fronts: '3. Stop the fronts',
  drain: '4a. Wait for running workflows',
  securisation: '4b. Securisation of the logbooks',
  workers: '5. Stop worker, processing, workspace',
  backEnds: '6. Stop the back-ends',
  search: '7. Stop Elasticsearch',
  balancer: '8. Balancer off (steps 1-2 of 15)',
  primaries: '9. Stop the primaries (steps 3-8 of 15)',
  copy: '10. Copy (steps 9-11 of 15)',
  mongoBack: '11. MongoDB back (steps 12-15 of 15)',
  servicesBack: '12. Services back',
  complete: '13. Manifest, upload, retention',
} as const;

/** One service on one host. */
export interface ServiceStep extends PlannedStep {
  component: VitamComponent;
  serviceHost: HostRef;
}
export interface ClusterStep extends PlannedStep {
  cluster: MongoCluster;
}
export interface ReplicaSetStep extends ClusterStep {
  set: ReplicaSet;
  part: string;
}
/** Services of one component that start together, or one host at a time. */
export interface StartGroup {
  component: string;
  oneHostAtATime: boolean;
  steps: ServiceStep[];
}

const step = (phase: keyof typeof phases, id: string, title: string, rest: Partial<PlannedStep> = {}): PlannedStep =>
  plannedStep(phases[phase], id, title, rest);

export type ColdBackupPlan = ReturnType<typeof planColdBackup>;

/** The whole night as data, in the order of the run; the two branches of phase 4 run side by side. Nothing is done that is not in it. Pure. */
export function planColdBackup(platform: VitamPlatform) {
  const { policy, order } = platform;
  const allSets = setsOf(platform);
  const shards = allSets.filter(({ set }) => set.role === 'shard');
  const configs = allSets.filter(({ set }) => set.role === 'config');
  const catalog = platform.backup.catalogHost.name;

  return {
    preflight: {
      hosts: step('preflight', 'preflight/hosts', `reach ${platform.hosts.length} hosts, check host keys, clocks and commands`, {
        commands: platform.hosts.map((host) => onHost(host, 'true')),
      }),
      leftovers: step('preflight', 'preflight/leftovers', 'make sure that no earlier run left anything'),
      services: step('preflight', 'preflight/services', 'record the state of every service'),
      mongo: step('preflight', 'preflight/mongo', `check ${allSets.length} replica sets and record the balancers`),
      disks: step('preflight', 'preflight/disks', 'check free space on every backup disk'),
    },
    record: allSets.map((each) => setStep('record', 'record', `record counts and digests of ${setTitle(each)}`, each)),
    confirm: step('record', 'record/confirm', 'ask an operator before the first stop (if the request says so)'),
    journal: step('record', 'record/journal', `write the run journal on ${catalog}`, { host: catalog, unwind: 'remove the run journal' }),
    fronts: stopSteps(platform, 'fronts', order.fronts),
    drain: step('drain', 'drain', `wait until no workflow runs on ${platform.processing}, over ${platform.tenants.length} tenants`, {
      limitSeconds: platform.drain.limitSeconds,
      commands: [`GET /processing/v1/operations with X-Tenant-Id ${platform.tenants.join(', ')}, states RUNNING, PAUSE`],
    }),
    securisation: securisationSteps(platform),
    workers: stopSteps(platform, 'workers', order.workers),
    backEnds: stopSteps(platform, 'backEnds', order.backEnds),
    search: stopSteps(platform, 'search', order.search),
    balancerOff: platform.clusters.map((cluster) =>
      clusterStep('balancer', 'balancer-off', `1/15 turn the balancer of ${cluster.name} off`, cluster, {
        limitSeconds: policy.balancerLimitSeconds,
        commands: ['db.adminCommand({ balancerStop: 1 }) on mongos, or _configsvrBalancerStop on the config primary'],
        unwind: `set the balancer of ${cluster.name} to its former mode and check it`,
      }),
    ),
    balancerIdle: platform.clusters.map((cluster) =>
      clusterStep('balancer', 'balancer-idle', `2/15 make sure that the balancer of ${cluster.name} is off and idle`, cluster, {
        limitSeconds: policy.balancerLimitSeconds,
      }),
    ),
    recordQuiet: allSets.map((each) => setStep('balancer', 'record-quiet', `record what the copy of ${setTitle(each)} must hold`, each)),
    findPrimary: shards.map((each) => setStep('primaries', 'find-primary', `3-4/15 find the primary of ${setTitle(each)}`, each)),
    stopPrimary: shards.map((each) => stopPrimaryStep('5/15', each)),
    allShardsStopped: platform.clusters.map((cluster) =>
      clusterStep('primaries', 'join-stopped', `6/15 every shard's primary of ${cluster.name} is stopped`, cluster),
    ),
    findConfigPrimary: configs.map((each) =>
      setStep('primaries', 'find-primary', `7/15 find the config server primary of ${each.cluster.name}`, each),
    ),
    stopConfigPrimary: configs.map((each) => stopPrimaryStep('8/15', each)),
    copy: allSets.map((each) =>
      setStep(
        'copy',
        'copy',
        `${each.set.role === 'config' ? '10/15' : '9/15'} copy ${setTitle(each)} to ${partName(each.cluster, each.set)}`,
        each,
        {
          commands: [
            `tar --create --directory ${each.set.members[0]?.dataDirectory ?? ''} . | zstd -${platform.backup.compressionLevel} (on the stopped member, as a named job)`,
          ],
          unwind: 'stop the copy, remove its partial file',
        },
      ),
    ),
    allCopied: step('copy', 'join-copied', '11/15 every copy has ended and every source stood still'),
    further: platform.backup.further.map((directory) => ({
      ...step('copy', `copy/further/${directory.name}`, `copy ${directory.path} of ${directory.host.name} to ${directory.name}`, {
        host: directory.host.name,
        unwind: 'stop the copy, remove its partial file',
      }),
      directory,
    })),
    startAt: step(
      'copy',
      'start-at',
      platform.window.startServices === 'whenReady'
        ? 'start as soon as the copies have ended'
        : `wait for ${platform.window.end} before starting`,
    ),
    wayBack: planWayBack(platform),
    complete: {
      manifest: step('complete', 'complete/manifest', 'write the manifest of the complete set', { host: catalog }),
      upload: step(
        'complete',
        'complete/upload',
        platform.backup.objectStore
          ? `upload the set to bucket ${platform.backup.objectStore.bucket}`
          : 'upload (no object store configured)',
        { skippable: true },
      ),
      retention: step('complete', 'complete/retention', `keep the last ${platform.backup.keepSets} good sets`, { skippable: true }),
    },
  };
}

/** The way back, shared with vitamStart: in the order in which it runs. */
export function planWayBack(platform: VitamPlatform) {
  const { policy } = platform;
  const sets = setsOf(platform);
  const members = {
    startMembers: sets.filter(({ set }) => set.role === 'shard').map((each) => startMemberStep('12/15', each)),
    startConfig: sets.filter(({ set }) => set.role === 'config').map((each) => startMemberStep('13/15', each)),
  };
  const { startMembers, startConfig } = members;
  const catalog = platform.backup.catalogHost.name;
  return onTheWayBack({
    discard: step('mongoBack', 'back/copies', 'stop unfinished copies, remove their partial files, forget the jobs'),
    ...(policy.mongoStartOrder === 'configFirst' ? { startConfig, startMembers } : { startMembers, startConfig }),
    waitForSets: sets.map((each) =>
      setStep('mongoBack', 'primary', `wait for a primary in ${setTitle(each)}`, each, { limitSeconds: 300 }),
    ),
    routers: platform.clusters
      .filter((cluster) => policy.restartRouters && cluster.routers.length > 0)
      .map((cluster) =>
        clusterStep('mongoBack', 'routers', `restart the mongos of ${cluster.name}`, cluster, {
          commands: cluster.routers.flatMap(({ host, unit }) => [serviceCommand(host, 'stop', unit), serviceCommand(host, 'start', unit)]),
        }),
      ),
    balancerBack: platform.clusters.map((cluster) =>
      clusterStep('mongoBack', 'balancer-back', `14/15 set the balancer of ${cluster.name} to its former mode`, cluster),
    ),
    balancerCheck: platform.clusters.map((cluster) =>
      clusterStep('mongoBack', 'balancer-check', `15/15 make sure that the balancer of ${cluster.name} is as before`, cluster),
    ),
    start: startGroups(platform),
    resume: step('servicesBack', 'scheduler/resume', 'resume the scheduled jobs', { commands: resumeCommands(platform) }),
    health: step('servicesBack', 'health', 'check every service, replica set and balancer'),
    journalGone: step('servicesBack', 'back/journal', `remove the run journal on ${catalog}`, { host: catalog }),
  });
}

/** Marks every step of this part of the plan as one of the way back. */
function onTheWayBack<Part extends object>(part: Part): Part {
  for (const each of stepsOf(part)) each.wayBack = true;
  return part;
}

function stopSteps(platform: VitamPlatform, phase: 'fronts' | 'workers' | 'backEnds' | 'search', names: string[]): ServiceStep[] {
  return names
    .map((name) => componentNamed(platform, name))
    .flatMap((component) =>
      component.hosts.map((host) => ({
        ...step(phase, `stop/${component.name}/${host.name}`, `stop ${component.unit} on ${host.name}`, {
          host: host.name,
          limitSeconds: component.limits.stopSeconds,
          commands: [serviceCommand(host, 'stop', component.unit)],
          unwind: `start ${component.unit} on ${host.name}`,
        }),
        component,
        serviceHost: host,
      })),
    );
}

function startGroups(platform: VitamPlatform): StartGroup[] {
  return platform.order.start
    .map((name) => componentNamed(platform, name))
    .map((component) => ({
      component: component.name,
      oneHostAtATime: component.oneHostAtATime,
      steps: component.hosts.map((host) => ({
        ...step('servicesBack', `start/${component.name}/${host.name}`, `start ${component.unit} on ${host.name}`, {
          host: host.name,
          limitSeconds: component.limits.startSeconds,
          commands: [serviceCommand(host, 'start', component.unit)],
        }),
        component,
        serviceHost: host,
      })),
    }));
}

function componentNamed(platform: VitamPlatform, name: string): VitamComponent {
  const component = platform.components.find((each) => each.name === name);
  // The schema refuses an order that names an unknown component; this keeps the types honest.
  if (!component) throw new TypeError(`order names an unknown component: ${name}`);
  return component;
}

const setTitle = ({ cluster, set }: SetOfCluster): string => `${cluster.name}/${set.name}`;

function clusterStep(
  phase: keyof typeof phases,
  verb: string,
  title: string,
  cluster: MongoCluster,
  rest: Partial<PlannedStep> = {},
): ClusterStep {
  return { ...step(phase, `${verb}/${cluster.name}`, title, rest), cluster };
}

function setStep(
  phase: keyof typeof phases,
  verb: string,
  title: string,
  each: SetOfCluster,
  rest: Partial<PlannedStep> = {},
): ReplicaSetStep {
  return {
    ...step(phase, `${verb}/${setTitle(each)}`, title, rest),
    ...each,
    part: `${each.cluster.name}/${partName(each.cluster, each.set)}`,
  };
}

function stopPrimaryStep(source: string, each: SetOfCluster): ReplicaSetStep {
  return setStep('primaries', 'stop-primary', `${source} stop the primary of ${setTitle(each)} (looked up again right before)`, each, {
    limitSeconds: 3600,
    commands: each.set.members.map(({ host, unit }) => serviceCommand(host, 'stop', unit)).map((command) => `if primary: ${command}`),
    unwind: `start the stopped member of ${setTitle(each)} and wait for a primary`,
  });
}

function startMemberStep(source: string, each: SetOfCluster): ReplicaSetStep {
  return setStep('mongoBack', 'start-member', `${source} start the stopped member of ${setTitle(each)}`, each, {
    limitSeconds: 300,
    commands: each.set.members.map(({ host, unit }) => serviceCommand(host, 'start', unit)).map((command) => `if stopped: ${command}`),
  });
}

function securisationSteps(platform: VitamPlatform): Record<'gate' | 'run' | 'pause', PlannedStep> {
  const { securisation } = platform;
  const mechanism = securisation.mechanism;
  const when = mechanism === 'none' ? '' : securisation.at.when;
  const paused =
    mechanism === 'timers'
      ? `stop the timers ${securisation.units.join(', ')}`
      : platform.scheduler
        ? 'pause all jobs of the scheduler'
        : 'nothing to pause';
  return {
    gate: step(
      'securisation',
      'securisation/gate',
      mechanism === 'none' ? 'no securisation on this platform' : when === 'now' ? 'securisation: now' : `securisation: wait for ${when}`,
    ),
    run: step(
      'securisation',
      'securisation/run',
      mechanism === 'none' ? 'nothing to watch' : `watch the securisation to its end (${mechanism}); trigger it if it was missed`,
      {
        ...(mechanism === 'none' ? {} : { limitSeconds: securisation.at.limitSeconds }),
      },
    ),
    pause: step('securisation', 'scheduler/pause', paused, {
      commands:
        mechanism === 'timers'
          ? securisation.units.map((unit) => serviceCommand(securisation.host, 'stop', `${unit}.timer`))
          : platform.scheduler
            ? ['PUT /scheduler/v1/pause/ALL']
            : [],
      ...(mechanism === 'timers' || platform.scheduler ? { unwind: 'resume the scheduled jobs' } : {}),
    }),
  };
}

function resumeCommands(platform: VitamPlatform): string[] {
  const { securisation } = platform;
  if (securisation.mechanism === 'timers')
    return securisation.units.map((unit) => serviceCommand(securisation.host, 'start', `${unit}.timer`));
  return platform.scheduler ? ['PUT /scheduler/v1/resume/ALL'] : [];
}
