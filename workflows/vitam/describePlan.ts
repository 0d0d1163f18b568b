import type { WindowAt } from '../../activities/clock/clock.contract.ts';
import type { ColdBackupPlanReport } from './coldBackup.contract.ts';
import { allSteps, type ColdBackupPlan } from './plan.ts';
import type { VitamPlatform } from './platform.contract.ts';

/** What a service takes to stop and to start, and a copy per set, when nothing is known of the platform: an assumption that the answer names. */
const assumed = { stopSeconds: 20, startSeconds: 30, mongoSeconds: 120 };

/** The dry run's answer: the plan that the run would follow, in order, with gates, downtime and the way back. Pure; touches nothing. */
export function describePlan(platform: VitamPlatform, plan: ColdBackupPlan, window: WindowAt): ColdBackupPlanReport {
  const steps = allSteps(plan);
  const stops = [...plan.fronts, ...plan.workers, ...plan.backEnds, ...plan.search];
  const componentStops = new Set(stops.map(({ component }) => component.name)).size;
  const { securisation, drain } = platform;
  const limitSeconds = [...stops, ...plan.start.flatMap((group) => group.steps)].reduce(
    (sum, { limitSeconds: limit }) => sum + (limit ?? 0),
    drain.limitSeconds,
  );
  return {
    platform: platform.name,
    title: platform.title,
    dryRun: true,
    order: platform.order.profile,
    window: {
      ...{ begin: platform.window.begin, end: platform.window.end, zone: platform.window.zone },
      nextBeginAt: window.beginAt,
      nextEndAt: window.endAt,
      lengthHours: window.lengthHours,
      outside: platform.window.outside,
      atEnd: platform.window.atEnd,
    },
    gates: [
      `begin: ${platform.window.begin} ${platform.window.zone}; outside the window: ${platform.window.outside}`,
      securisation.mechanism === 'none'
        ? `securisation: none (${securisation.reason})`
        : `securisation (${securisation.mechanism}): ${securisation.at.when}, missed after ${securisation.at.graceSeconds} s, limit ${securisation.at.limitSeconds} s`,
      `workflows: RUNNING = 0 over tenants ${platform.tenants.join(', ')}, limit ${drain.limitSeconds} s; PAUSE: ${drain.paused}, FATAL: ${drain.fatal}`,
      `services start: ${platform.window.startServices === 'whenReady' ? 'as soon as the copies have ended' : `at ${platform.window.end}`}; window's end: ${platform.window.atEnd}`,
    ],
    steps: steps.map(({ id, title, phase, host, commands, limitSeconds: limit, skippable, unwind }, index) => ({
      number: index + 1,
      ...{ id, title, phase, commands, skippable },
      ...(host === undefined ? {} : { host }),
      ...(limit === undefined ? {} : { limitSeconds: limit }),
      ...(unwind === undefined ? {} : { unwind }),
    })),
    unwind: [
      plan.discard,
      ...plan.startMembers,
      ...plan.startConfig,
      ...plan.balancerBack,
      ...plan.start.flatMap((group) => group.steps),
      plan.resume,
      plan.health,
    ].map(({ title }) => `${title}, if the run took it down`),
    downtime: {
      expectedSeconds: componentStops * assumed.stopSeconds + platform.order.start.length * assumed.startSeconds + assumed.mongoSeconds,
      basis: `assumed: ${assumed.stopSeconds} s a stop, ${assumed.startSeconds} s a start, ${assumed.mongoSeconds} s for MongoDB, without the wait for workflows and without the copies (data size is not read in a dry run)`,
      limitSeconds,
    },
  };
}
