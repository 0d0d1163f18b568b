import { CancellationScope, workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import { describeFailure } from '../runbook/failures.ts';
import { inParallel } from '../runbook/inParallel.ts';
import { procedure, type Procedure } from '../runbook/procedure.ts';
import { quick } from '../runbook/profiles.ts';
import type { PlanReport } from '../runbook/runbook.contract.ts';
import type { ColdBackupFacts, ColdBackupReport, RunJournal } from './coldBackup.contract.ts';
import { completeSet, removeVoidSet } from './completeSet.ts';
import { drainWorkflows } from './drain.ts';
import type { VitamInput, VitamRequest } from './inputs.schema.ts';
import { beginNight, setKey, type Night } from './night.ts';
import { planColdBackup, type ColdBackupPlan } from './plan.ts';
import { lookAhead, preflight } from './preflight.ts';
import { secureLogbooks } from './securisation.ts';
import { setName, backupDirectory, journalFile } from './setNames.ts';
import { recordContent, shardedMongoBackup } from './shardedMongoBackup.ts';
import { stopInOrder } from './stopServices.ts';
import { enterWindow, withWindowEnd, type WindowEnd } from './window.ts';
import { journalGone, platformBack, settleCopies, stoppedMembers } from './wayBack.ts';

type Request = VitamRequest<'vitamColdBackup'>;

export const coldBackup: Procedure<Request, ColdBackupPlan> = {
  type: 'vitamColdBackup',
  system: 'vitam',
  plan: ({ platform }) => planColdBackup(platform),
  policy: ({ platform }) => platform.policy,
  gates: ({ platform: { window, securisation, drain, tenants, order, policy } }) => [
    `order of the services: ${order.profile}`,
    `begin: ${window.begin} ${window.zone}; outside the window: ${window.outside}`,
    securisation.mechanism === 'none'
      ? `securisation: none (${securisation.reason})`
      : `securisation (${securisation.mechanism}): ${securisation.at.when}, missed after ${securisation.at.graceSeconds} s, limit ${securisation.at.limitSeconds} s`,
    `workflows: RUNNING = 0 over tenants ${tenants.join(', ')}, limit ${drain.limitSeconds} s; PAUSE: ${drain.paused}, FATAL: ${drain.fatal}`,
    `services start: ${window.startServices === 'whenReady' ? 'as soon as the copies have ended' : `at ${window.end}`}; window's end: ${window.atEnd}`,
    `the way back tries for ${policy.restoreLimitSeconds} s before it names the commands for a person`,
  ],
  look: ({ platform }) => lookAhead(platform),
  cancelled: 'what the run had stopped is back',
};

/**
 * Cold backup of a VITAM platform: stop it in order, copy the MongoDB data of every primary, bring it back, complete the set.
 *
 * Runbook   deploy/systems/vitam.md: the night (vitam 1 to 11), the sharded MongoDB backup in 15 steps (vitam 24).
 * Downtime  from phase 3 to the end of phase 12.
 * Needs     on each MongoDB host free space on the backup disk; every host reachable over SSH with its pinned key.
 * On error  the platform is brought back; fails with PlatformNotRestored, naming the commands, when something stays down.
 * To stop   cancel the run. Never terminate it: a terminated run starts nothing again (then run vitamStart).
 */
export async function vitamColdBackup(input: VitamInput<'vitamColdBackup'>): Promise<ColdBackupReport | PlanReport> {
  return procedure(coldBackup, input, async ({ request: { platform, confirm }, plan, run, stop }): Promise<ColdBackupFacts> => {
    const { startTime, runId, workflowId } = workflowInfo();
    const night = beginNight(platform, plan, run, setName(startTime, runId), runId);
    const window = await enterWindow(night);
    await preflight(night);
    await inParallel(plan.record, 4, (planned) => recordContent(night, planned, night.firstContent));
    if (confirm) await confirmStop(night);
    else run.notNeeded(plan.confirm, 'the request does not ask for it');
    try {
      // Only a platform that is back loses its journal: with it vitamStart finishes what this run could not.
      await run.untilBack(
        () =>
          run.untilBack(
            () => withWindowEnd(night, window, stop, (windowEnd) => stopAndCopy(night, { workflowId, runId }, windowEnd)),
            () =>
              platformBack(night, {
                copies: () => settleCopies(night),
                members: stoppedMembers(night),
                wait: ({ cluster, set }) => night.stopped.has(setKey(cluster, set)),
              }),
          ),
        (failed) => journalGone(night, failed),
      );
    } catch (error) {
      // A cancelled run removes it too.
      if (describeFailure(error).type !== 'PlatformNotRestored') await CancellationScope.nonCancellable(() => removeVoidSet(night));
      throw error;
    }
    run.completing();
    const completed = await completeSet(night, startTime.toISOString());
    return { ...factsOf(night), ...completed, window: { beginAt: window.beginAt, endAt: window.endAt } };
  });
}

/** Phases 3 to 10. */
async function stopAndCopy(night: Night, journal: { workflowId: string; runId: string }, windowEnd: WindowEnd): Promise<void> {
  const { plan, run } = night;
  await run.step(plan.journal, () => writeJournal(night, journal));
  await stopInOrder(night, plan.fronts);
  await drainAndSecure(night);
  await stopInOrder(night, plan.backEnds);
  await stopInOrder(night, plan.search);
  await shardedMongoBackup(night);
  await run.step(plan.startAt, async (record) => {
    if (night.platform.window.startServices === 'atWindowEnd' && !windowEnd.passed()) await windowEnd.wait();
    else record.note = 'at once';
  });
}

/**
 * The two branches of the night and their join (vitam 4, 7). A worker component that the securisation needs is stopped
 * when both have ended; one that it does not need, as soon as the workflows have.
 */
async function drainAndSecure(night: Night): Promise<void> {
  const { plan, platform } = night;
  const { securisation } = platform;
  const needed = new Set(securisation.mechanism === 'none' ? [] : securisation.at.needs);
  const firstNeeded = plan.workers.findIndex(({ component }) => needed.has(component.name));
  const early = firstNeeded === -1 ? plan.workers : plan.workers.slice(0, firstNeeded);
  await inParallel(['workflows', 'securisation'] as const, 2, async (branch) => {
    if (branch === 'securisation') return secureLogbooks(night);
    await drainWorkflows(night);
    await stopInOrder(night, early);
  });
  await stopInOrder(night, plan.workers.slice(early.length));
}

async function confirmStop({ run, plan, platform }: Night): Promise<void> {
  await run.step(plan.confirm, async () => {
    const choice = await run.ask({
      id: 'stop',
      text: `Stop platform ${platform.name} (${platform.title}) now?`,
      choices: ['yes', 'no'],
      default: 'no',
    });
    if (choice === 'no') throw failure('NotConfirmed', `the stop of ${platform.name} was not confirmed`);
  });
}

/** A record on the host itself: vitamStart reads it when the run is lost, and a run from another server refuses to begin beside it. */
async function writeJournal(night: Night, { workflowId, runId }: { workflowId: string; runId: string }): Promise<void> {
  const { platform } = night;
  const host = platform.backup.catalogHost;
  const journal: RunJournal = {
    format: 'nightshift-vitam-journal/1',
    platform: platform.name,
    workflowId,
    runId,
    set: night.set,
    beganAt: new Date().toISOString(),
    running: [...night.running],
    balancers: Object.fromEntries(night.balancers),
  };
  const act = quick(`run journal on ${host.name}`);
  const text = `${JSON.stringify(journal, null, 2)}\n`;
  night.journalWritten = true;
  const { written } = await act.writeTextFile({ host, path: journalFile(platform), text, ifAbsent: true });
  if (!written) {
    const present = await act.readTextFile({ host, path: journalFile(platform) });
    // The attempt before this one may have written it and lost the answer.
    if (!present?.includes(runId)) {
      night.journalWritten = false;
      throw failure(
        'LeftoverOfEarlierRun',
        `another run started on ${platform.name} in the meantime: its journal is in ${backupDirectory(platform, host)} on ${host.name}`,
      );
    }
  }
}

function factsOf(night: Night): Omit<ColdBackupFacts, 'manifest' | 'removedSets' | 'window'> {
  const content = [...night.content.values()].flatMap(({ collections }) => collections);
  const firstByKey = new Map(
    [...night.firstContent].flatMap(([key, { collections }]) =>
      collections.map((each) => [`${key}/${each.database}.${each.collection}`, each] as const),
    ),
  );
  const changed = [...night.content].flatMap(([key, { collections }]) =>
    collections.filter((each) => {
      const first = firstByKey.get(`${key}/${each.database}.${each.collection}`);
      return first?.count !== each.count || first.digest !== each.digest;
    }),
  );
  return {
    set: night.set,
    parts: night.parts,
    totalBytes: night.parts.reduce((sum, { archive }) => sum + archive.sizeBytes, 0),
    sourceBytes: night.parts.reduce((sum, { archive }) => sum + archive.sourceBytes, 0),
    collections: content.length,
    documents: content.reduce((sum, { count }) => sum + count, 0),
    changedWhileStopping: changed.length,
    securisation: night.securisation,
    workflowsLeft: night.workflowsLeft,
  };
}
