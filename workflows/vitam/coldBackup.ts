import { defineQuery, setHandler, workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import { messages } from '../names.contract.ts';
import { beginRunbook } from '../runbook/beginRunbook.ts';
import { CancelledFailure, describeFailure, isCancellation, readableFailure } from '../runbook/failures.ts';
import { holdPlatform } from '../runbook/holdPlatform.ts';
import { inParallel } from '../runbook/inParallel.ts';
import { local, quick } from '../runbook/profiles.ts';
import { readInput } from '../runbook/readInput.ts';
import { withRestore } from '../runbook/withRestore.ts';
import type {
  ColdBackupFailureFacts,
  ColdBackupInput,
  ColdBackupPlanReport,
  ColdBackupReport,
  ColdBackupRequest,
  RunJournal,
} from './coldBackup.contract.ts';
import { completeSet, removeVoidSet } from './completeSet.ts';
import { describePlan } from './describePlan.ts';
import { drainWorkflows } from './drain.ts';
import { beginNight, downtimeSeconds, setKey, type Night } from './night.ts';
import { allSteps, planColdBackup } from './plan.ts';
import { preflight } from './preflight.ts';
import { secureLogbooks } from './securisation.ts';
import { setName, backupDirectory, journalFile } from './setNames.ts';
import { recordContent, shardedMongoBackup } from './shardedMongoBackup.ts';
import { stopInOrder } from './stopServices.ts';
import { enterWindow, withWindowEnd, type WindowEnd } from './window.ts';
import { bringPlatformBack, settleCopies, stoppedMembers } from './wayBack.ts';

/**
 * Cold backup of a VITAM platform: stop it in order, copy the MongoDB data of every primary, bring it back, complete the set.
 *
 * Runbook   deploy/systems/vitam.md: the night (vitam 1 to 11), the sharded MongoDB backup in 15 steps (vitam 24).
 * Downtime  from phase 3 to the end of phase 12.
 * Needs     on each MongoDB host free space on the backup disk; every host reachable over SSH with its pinned key.
 * On error  the platform is brought back; fails with PlatformNotRestored, naming the commands, when something stays down.
 * To stop   cancel the run. Never terminate it: a terminated run starts nothing again (then run vitamStart).
 */
export async function vitamColdBackup(input: ColdBackupInput): Promise<ColdBackupReport | ColdBackupPlanReport> {
  const { platform, dryRun, confirm } = await readInput<ColdBackupRequest>('vitamColdBackup', input);
  const plan = planColdBackup(platform);
  const { startTime, runId, workflowId } = workflowInfo();
  if (dryRun) return describePlan(platform, plan, await local.findWindow({ ...platform.window, at: startTime.toISOString() }));

  const { policy } = platform;
  const runbook = beginRunbook({ procedure: 'vitamColdBackup', system: 'vitam', target: platform.name, steps: allSteps(plan), ...policy });
  const night = beginNight(platform, plan, runbook, setName(startTime, runId), runId);
  setHandler(defineQuery(messages.report), () => facts(night), { description: 'What the run took down, what is still down, what failed' });
  const release = await holdPlatform(runbook, 'vitam', platform.name);
  try {
    const window = await enterWindow(night);
    await preflight(night);
    await inParallel(plan.record, 4, (planned) => recordContent(night, planned, night.firstContent));
    if (confirm) await confirmStop(night);
    else runbook.notNeeded(plan.confirm, 'the request does not ask for it');
    await withRestore({
      work: () => withWindowEnd(night, window, (windowEnd) => stopAndCopy(night, { workflowId, runId }, windowEnd)),
      restore: (failed) => restore(night, failed),
    });
    runbook.setState('completing');
    const completed = await completeSet(night, startTime.toISOString());
    runbook.setState('done');
    return report(night, { ...completed, window: { beginAt: window.beginAt, endAt: window.endAt }, beganAt: startTime.toISOString() });
  } catch (error) {
    if (isCancellation(error)) {
      runbook.setState('cancelled');
      throw new CancelledFailure('cancelled; what the run had stopped is back');
    }
    runbook.setState('failed');
    throw readableFailure(error, { ...facts(night) });
  } finally {
    await release();
  }
}

/** Phases 3 to 10. */
async function stopAndCopy(night: Night, run: { workflowId: string; runId: string }, windowEnd: WindowEnd): Promise<void> {
  const { plan, runbook } = night;
  await runbook.step(plan.journal, () => writeJournal(night, run));
  await stopInOrder(night, plan.fronts);
  await drainAndSecure(night);
  await stopInOrder(night, plan.backEnds);
  await stopInOrder(night, plan.search);
  await shardedMongoBackup(night);
  await runbook.step(plan.startAt, async (record) => {
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

/** Whatever ended the work. Shielded from cancellation by withRestore. */
async function restore(night: Night, failed: { error: unknown } | null): Promise<void> {
  const { runbook } = night;
  const ended = failed
    ? isCancellation(failed.error)
      ? 'the cancel'
      : `the failure "${describeFailure(failed.error).message}"`
    : 'the copies';
  if (failed && isCancellation(failed.error)) runbook.decide({ subject: 'the run', choice: 'cancel', by: 'a cancel request' });
  await bringPlatformBack(night, {
    ended,
    copies: () => settleCopies(night),
    members: stoppedMembers(night),
    wait: ({ cluster, set }) => night.stopped.has(setKey(cluster, set)),
  });
  if (failed) await removeVoidSet(night);
}

async function confirmStop({ runbook, plan, platform }: Night): Promise<void> {
  await runbook.step(plan.confirm, async () => {
    const choice = await runbook.ask({
      id: 'stop',
      text: `Stop platform ${platform.name} (${platform.title}) now?`,
      choices: ['yes', 'no'],
      default: 'no',
    });
    if (choice === 'no') throw failure('NotConfirmed', `the stop of ${platform.name} was not confirmed`);
  });
}

/** A record on the host itself: vitamStart reads it when the run is lost, and a run from another server refuses to begin beside it. */
async function writeJournal(night: Night, run: { workflowId: string; runId: string }): Promise<void> {
  const { platform } = night;
  const host = platform.backup.catalogHost;
  const journal: RunJournal = {
    format: 'nightshift-vitam-journal/1',
    platform: platform.name,
    ...{ workflowId: run.workflowId, runId: run.runId },
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
    if (!present?.includes(run.runId)) {
      night.journalWritten = false;
      throw failure(
        'LeftoverOfEarlierRun',
        `another run started on ${platform.name} in the meantime: its journal is in ${backupDirectory(platform, host)} on ${host.name}`,
      );
    }
  }
}

function facts(night: Night): ColdBackupFailureFacts {
  const { progress } = night.runbook;
  return {
    platform: night.platform.name,
    set: night.set,
    failedSteps: progress.steps.filter(({ state }) => state === 'failed' || state === 'held'),
    downtimeSeconds: downtimeSeconds(night),
    stillDown: progress.down,
    decisions: progress.decisions,
    warnings: progress.warnings,
  };
}

function report(night: Night, rest: Pick<ColdBackupReport, 'manifest' | 'removedSets' | 'window' | 'beganAt'>): ColdBackupReport {
  const { progress } = night.runbook;
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
    platform: night.platform.name,
    set: night.set,
    ...rest,
    endedAt: new Date().toISOString(),
    downtimeSeconds: downtimeSeconds(night),
    parts: night.parts,
    totalBytes: night.parts.reduce((sum, { archive }) => sum + archive.sizeBytes, 0),
    sourceBytes: night.parts.reduce((sum, { archive }) => sum + archive.sourceBytes, 0),
    collections: content.length,
    documents: content.reduce((sum, { count }) => sum + count, 0),
    changedWhileStopping: changed.length,
    securisation: night.securisation,
    workflowsLeft: night.workflowsLeft,
    alreadyDown: progress.warnings.filter((warning) => warning.includes('already down')),
    steps: progress.steps,
    decisions: progress.decisions,
    warnings: progress.warnings,
  };
}
