import type { MongoMember } from '../../activities/mongo/mongo.contract.ts';
import { inParallel } from '../runbook/inParallel.ts';
import { step } from '../runbook/plan.ts';
import { procedure, type Procedure } from '../runbook/procedure.ts';
import { once, quick } from '../runbook/profiles.ts';
import type { PlannedStep, PlanReport, RunReport } from '../runbook/runbook.contract.ts';
import { serviceCommand } from './commands.ts';
import type { RunJournal } from './coldBackup.contract.ts';
import type { VitamInput, VitamRequest } from './inputs.schema.ts';
import { beginNight, serviceKey, type Night } from './night.ts';
import { phases, planColdBackup, planWayBack } from './plan.ts';
import type { VitamPlatform } from './platform.contract.ts';
import { backupHosts, parseJournal } from './preflight.ts';
import { backupDirectory, jobPrefix, journalFile } from './setNames.ts';
import { item, journalGone, platformBack, stage } from './wayBack.ts';

type Request = VitamRequest<'vitamStart'>;
type MemberStep = PlannedStep & { key: string; member: MongoMember };

const hostsAtOnceMax = 8;

export interface StartFacts {
  /** The run whose work is undone, when its journal was found. */
  lostRun: string | null;
  started: string[];
  alreadyUp: number;
}

/** Looks, then the way back of a cold backup, with every member of every set in the place of those that a run has stopped. */
function planStart(platform: VitamPlatform) {
  const wayBack = planWayBack(platform);
  return {
    inspect: step('Inspect', 'inspect', 'check what is down and whether a run was lost'),
    ...wayBack,
    // In the place of those that a run has stopped: every member.
    startMembers: membersInStartOrder(platform).map(memberStep),
    startConfig: [],
  };
}

export const start: Procedure<Request, ReturnType<typeof planStart>> = {
  type: 'vitamStart',
  system: 'vitam',
  plan: ({ platform }) => planStart(platform),
  policy: ({ platform }) => ({ ...platform.policy, onStepFailure: 'unwind' }),
  gates: () => ['what is up is left alone'],
  cancelled: 'what was started stays up',
};

/**
 * Brings a VITAM platform up by hand, or after a run was lost or terminated: MongoDB, balancer, services in start order, scheduled jobs.
 *
 * Runbook   vitam 16 and 34 in deploy/systems/vitam.md; the same code as the way back of vitamColdBackup.
 * Downtime  none of its own: what is up is left alone.
 * Needs     every host reachable; no other run on the platform.
 * On error  keeps trying what does not come back, then fails with PlatformNotRestored and the commands for a person.
 * To stop   cancel has no effect once it has begun to start things; terminate leaves up what is up.
 */
export async function vitamStart(input: VitamInput<'vitamStart'>): Promise<(RunReport & StartFacts) | PlanReport> {
  return procedure(start, input, async ({ request: { platform, services }, plan, run }): Promise<StartFacts> => {
    const night = beginNight(platform, planColdBackup(platform), run, 'none', 'any');
    const seen = await run.step(plan.inspect, () => look(night, services, plan.startMembers));
    await run.untilBack(
      () =>
        run.untilBack(
          async () => undefined,
          () =>
            platformBack(night, {
              copies: () => removeLeftovers(night),
              members: stage(
                plan.startMembers.flatMap((planned) => {
                  const { host, unit, port } = planned.member;
                  if (!seen.down.has(planned.key)) {
                    run.notNeeded(planned, 'is up');
                    return [];
                  }
                  const perform = async (): Promise<void> =>
                    void (await once(planned.title, 300).startService({ host, unit, ports: [port], limitSeconds: 300 }));
                  return [item(planned, [], perform)];
                }),
              ),
              wait: () => true,
            }),
        ),
      (failed) => journalGone(night, failed),
    );
    return { lostRun: seen.journal?.workflowId ?? null, started: [...seen.down, ...night.stoppedServices], alreadyUp: seen.alreadyUp };
  });
}

/** By the platform's order: a shard member whose config servers are all down does not open its port, so all are begun before any is waited for. */
function membersInStartOrder({ clusters, policy }: VitamPlatform): MongoMember[] {
  const configs = clusters.flatMap(({ config }) => config.members);
  const shards = clusters.flatMap((cluster) => cluster.shards.flatMap(({ members }) => members));
  const inOrder = policy.mongoStartOrder === 'configFirst' ? [...configs, ...shards] : [...shards, ...configs];
  return [...new Map(inOrder.map((member) => [`${member.host.name}/${member.unit}`, member])).values()];
}

function memberStep(member: MongoMember): MemberStep {
  const { host, unit } = member;
  const key = `${host.name}/${unit}`;
  return {
    ...step(phases.mongoBack, `member/${key}`, `start ${unit} on ${host.name}`, {
      host: host.name,
      commands: [serviceCommand(host, 'start', unit)],
      limitSeconds: 300,
      wayBack: true,
    }),
    key,
    member,
  };
}

async function look(
  night: Night,
  services: Request['services'],
  members: readonly MemberStep[],
): Promise<{ journal: RunJournal | null; down: Set<string>; alreadyUp: number }> {
  const { platform, plan, run } = night;
  const catalog = platform.backup.catalogHost;
  const text = await quick('journal of a lost run').readTextFile({ host: catalog, path: journalFile(platform) });
  const journal = text === null ? null : parseJournal(text);
  night.journalWritten = text !== null;
  if (text !== null && !journal) run.warn('the run journal is not readable: everything is started');
  const wanted = services === 'asRecorded' && journal ? new Set(journal.running) : null;

  const down = new Set<string>();
  let alreadyUp = 0;
  await inParallel(members, hostsAtOnceMax, async ({ key, member: { host, unit, port } }) => {
    const state = await quick(`state of ${unit} on ${host.name}`).readServiceState({ host, unit, ports: [port] });
    if (state.condition === 'running') alreadyUp += 1;
    else down.add(key);
  });
  await inParallel(
    plan.wayBack.start.flatMap(({ steps }) => steps),
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
  return { journal, down, alreadyUp };
}

/** Copy jobs and partial files that a lost run left behind. */
async function removeLeftovers(night: Night): Promise<void> {
  const { platform, run } = night;
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
      run.warn(`${host.name}: ended ${jobs.length} copy jobs and removed ${partialFiles.length} partial files of a lost run`);
  });
}
