import { CancellationScope } from '@temporalio/workflow';

import type { MongoMember } from '../../activities/mongo/mongo.contract.ts';
import { beginRunbook } from '../runbook/beginRunbook.ts';
import { secondsSince } from '../runbook/elapsed.ts';
import { readableFailure } from '../runbook/failures.ts';
import { holdPlatform } from '../runbook/holdPlatform.ts';
import { inParallel } from '../runbook/inParallel.ts';
import { once, quick } from '../runbook/profiles.ts';
import { readInput } from '../runbook/readInput.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import { serviceCommand } from './commands.ts';
import type { RunJournal } from './coldBackup.contract.ts';
import { beginNight, serviceKey, setsOf, type Night } from './night.ts';
import { bringBackSteps, phases, planColdBackup } from './plan.ts';
import { backupHosts, parseJournal } from './preflight.ts';
import { backupDirectory, jobPrefix, journalFile } from './setNames.ts';
import type { StartInput, StartReport, StartRequest } from './start.contract.ts';
import { bringPlatformBack, item, stage } from './wayBack.ts';

const hostsAtOnceMax = 8;

/**
 * Brings a VITAM platform up by hand, or after a run was lost or terminated: MongoDB, balancer, services in start order, scheduled jobs.
 *
 * Runbook   vitam 16 and 34 in deploy/systems/vitam.md; the same code as the way back of vitamColdBackup.
 * Downtime  none of its own: what is up is left alone.
 * Needs     every host reachable; no other run on the platform.
 * On error  keeps trying what does not come back, then fails with PlatformNotRestored and the commands for a person.
 * To stop   cancel has no effect once it has begun to start things; terminate leaves up what is up.
 */
export async function vitamStart(input: StartInput): Promise<StartReport> {
  const beganMs = Date.now();
  const { platform, services } = await readInput<StartRequest>('vitamStart', input);
  const plan = planColdBackup(platform);
  const inspect: PlannedStep = {
    id: 'inspect',
    title: 'check what is down and whether a run was lost',
    phase: 'Inspect',
    commands: [],
    skippable: false,
  };
  const members = [
    ...new Map<string, MongoMember>(
      setsOf(platform).flatMap(({ set }) => set.members.map((member) => [`${member.host.name}/${member.unit}`, member] as const)),
    ).entries(),
  ];
  const memberSteps = new Map<string, PlannedStep>(
    members.map(([key, { host, unit }]) => [key, memberStep(key, host.name, serviceCommand(host, 'start', unit), unit)]),
  );
  const shared = bringBackSteps(plan).filter((step) => ![...plan.startMembers, ...plan.startConfig].some(({ id }) => id === step.id));
  const runbook = beginRunbook({
    procedure: 'vitamStart',
    system: 'vitam',
    target: platform.name,
    steps: [inspect, ...memberSteps.values(), ...shared],
    ...platform.policy,
    onStepFailure: 'unwind',
  });
  const night = beginNight(platform, plan, runbook, 'none', 'any');
  const release = await holdPlatform(runbook, 'vitam', platform.name);
  try {
    const seen = await runbook.step(inspect, () => look(night, services, members));
    await CancellationScope.nonCancellable(() =>
      bringPlatformBack(night, {
        ended: 'the start by hand',
        copies: () => removeLeftovers(night),
        members: stage(
          [...inStartOrder(night, seen.downMembers)].map(([key, { host, unit, port }]) =>
            item(memberSteps.get(key) ?? memberStep(key, host.name, '', unit), [], async () => {
              await once(`start ${unit} on ${host.name}`, 300).startService({ host, unit, ports: [port], limitSeconds: 300 });
            }),
          ),
        ),
        wait: () => true,
      }),
    );
    runbook.setState('done');
    return {
      platform: platform.name,
      lostRun: seen.journal?.workflowId ?? null,
      started: [...seen.downMembers.keys(), ...night.stoppedServices],
      alreadyUp: seen.alreadyUp,
      elapsedSeconds: secondsSince(beganMs),
      steps: runbook.progress.steps,
      decisions: runbook.progress.decisions,
      warnings: runbook.progress.warnings,
    };
  } catch (error) {
    runbook.setState('failed');
    throw readableFailure(error);
  } finally {
    await release();
  }
}

function memberStep(key: string, host: string, command: string, unit: string): PlannedStep {
  return { id: `member/${key}`, title: `start ${unit} on ${host}`, phase: phases.mongoBack, host, commands: [command], skippable: false };
}

async function look(
  night: Night,
  services: StartRequest['services'],
  members: (readonly [string, MongoMember])[],
): Promise<{ journal: RunJournal | null; downMembers: Map<string, MongoMember>; alreadyUp: number }> {
  const { platform, plan, runbook } = night;
  const catalog = platform.backup.catalogHost;
  const text = await quick('journal of a lost run').readTextFile({ host: catalog, path: journalFile(platform) });
  const journal = text === null ? null : parseJournal(text);
  night.journalWritten = text !== null;
  if (text !== null && !journal) runbook.warn('the run journal is not readable: everything is started');
  const wanted = services === 'asRecorded' && journal ? new Set(journal.running) : null;

  const downMembers = new Map<string, MongoMember>();
  let alreadyUp = 0;
  await inParallel(members, hostsAtOnceMax, async ([key, member]) => {
    const { host, unit, port } = member;
    const state = await quick(`state of ${unit} on ${host.name}`).readServiceState({ host, unit, ports: [port] });
    if (state.condition === 'running') alreadyUp += 1;
    else downMembers.set(key, member);
  });
  await inParallel(
    plan.start.flatMap(({ steps }) => steps),
    hostsAtOnceMax,
    async ({ component, serviceHost: host }) => {
      const key = serviceKey(component.name, host.name);
      if (wanted && !wanted.has(key)) return;
      const state = await quick(`state of ${component.unit} on ${host.name}`).readServiceState({
        host,
        unit: component.unit,
        ports: [component.servicePort],
      });
      night.running.add(key);
      if (state.condition === 'running') alreadyUp += 1;
      else night.stoppedServices.add(key);
    },
  );
  for (const { name } of platform.clusters) {
    night.balancers.set(name, journal?.balancers[name] ?? 'full');
    night.balancersOff.add(name);
  }
  night.pausedJobs = platform.scheduler !== undefined || platform.securisation.mechanism === 'timers';
  return { journal, downMembers, alreadyUp };
}

function inStartOrder(night: Night, members: Map<string, MongoMember>): [string, MongoMember][] {
  const isConfig = (member: MongoMember): boolean =>
    night.platform.clusters.some(({ config }) =>
      config.members.some(({ host, port }) => host.name === member.host.name && port === member.port),
    );
  const configFirst = night.platform.policy.mongoStartOrder === 'configFirst';
  return [...members].sort(([, a], [, b]) => (Number(isConfig(a)) - Number(isConfig(b))) * (configFirst ? -1 : 1));
}

/** Copy jobs and partial files that a lost run left behind. */
async function removeLeftovers(night: Night): Promise<void> {
  const { platform, runbook } = night;
  await inParallel(backupHosts(night), hostsAtOnceMax, async (host) => {
    const below = backupDirectory(platform, host);
    const { jobs, partialFiles } = await quick(`unfinished copies on ${host.name}`).findUnfinishedArchives({
      host,
      path: below,
      jobPrefix: jobPrefix(platform),
    });
    for (const job of jobs)
      await once(`stop the copy ${job}`, 120).discardArchive({
        host,
        job,
        source: below,
        target: `${below}/.none`,
        level: platform.backup.compressionLevel,
        mustBeEmpty: [],
        removeTarget: false,
      });
    if (partialFiles.length > 0) await quick(`remove partial files on ${host.name}`).removePaths({ host, below, paths: partialFiles });
    if (jobs.length + partialFiles.length > 0)
      runbook.warn(`${host.name}: ended ${jobs.length} copy jobs and removed ${partialFiles.length} partial files of a lost run`);
  });
}
