import { defineSignal, startChild, workflowInfo, type ChildWorkflowHandle, type Workflow } from '@temporalio/workflow';

import { messages } from '../names.contract.ts';
import type { Runbook } from '../runbook/beginRunbook.ts';
import { secondsSince } from '../runbook/elapsed.ts';
import { describeFailure, isCancellation } from '../runbook/failures.ts';
import type { Pause, PlannedStep } from '../runbook/runbook.contract.ts';
import { withContainersDown } from './containers.ts';
import type { PixReplica } from './replica.contract.ts';
import type { ChainStep, ReplicationInput, ReplicationReport, ReplicationRequest } from './replication.contract.ts';
import { runPixProcedure } from './runPixProcedure.ts';

interface Link {
  step: ChainStep;
  type: string;
  title: string;
  /** Why there is nothing to do, or null. */
  absent: (replica: PixReplica) => string | null;
}

/** The four steps, in their order (pix 1). */
const chain: Link[] = [
  { step: 'full', type: 'pixFullReplication', title: 'full replication and enrichment', absent: () => null },
  {
    step: 'incremental',
    type: 'pixIncrementalReplication',
    title: 'incremental tables',
    absent: ({ tables }) => (Object.values(tables).includes('incremental') ? null : 'no incremental tables configured'),
  },
  {
    step: 'learningContent',
    type: 'pixLearningContent',
    title: 'learning content',
    absent: ({ learningContent }) => (learningContent ? null : 'no learning content configured'),
  },
  {
    step: 'notification',
    type: 'pixNotification',
    title: 'webhooks',
    absent: ({ notifications }) => (notifications.length > 0 ? null : 'no webhooks configured'),
  },
];

/**
 * The night of a replica: full replication, incremental tables, learning content, webhooks, strictly in this order, each a child run that can be started alone too.
 * A pause of the chain, by a person or the load guard, pauses the link under way.
 *
 * Runbook   pix 1 to 7 in deploy/systems/pix.md.
 * Downtime  none.
 * Needs     a replica file; one chain or procedure of a replica at a time; for declared containers the CLI of their platform on the worker.
 * On error  the chain stops at the step that failed for good; what stood before stays in use. `startAt` goes on from there.
 * To stop   cancel; `pause` and `resume` to let it wait.
 */
export async function pixReplication(input: ReplicationInput): Promise<ReplicationReport> {
  return runPixProcedure<ReplicationRequest, ReplicationReport>(
    'pixReplication',
    input,
    chain.map(stepOf),
    async ({ replica, startAt }, runbook, beganMs) => {
      const { workflowId } = workflowInfo();
      const reports: Pick<ReplicationReport, ChainStep> = {};
      const first = chain.findIndex(({ step }) => step === startAt);
      for (const [index, link] of chain.entries()) {
        const why = index < first ? `the run starts at ${startAt}` : link.absent(replica);
        if (why !== null) runbook.notNeeded(stepOf(link), why);
        else
          await sameDayOrNextNight(link, runbook, async () => {
            const run = async (): Promise<unknown> => {
              const child = await startChild(link.type, {
                workflowId: `${workflowId}/${link.step}`,
                args: [{ replica: replica.name, ...overridesFor(link, input) }],
                staticSummary: `${link.title} of ${replica.name}`,
              });
              return pausedTogether(runbook, child);
            };
            reports[link.step] = (await (link.step === 'full' ? withContainersDown(replica, runbook, run) : run())) as never;
          });
      }
      const endedAt = new Date();
      return {
        replica: replica.name,
        startAt,
        beganAt: new Date(beganMs).toISOString(),
        endedAt: endedAt.toISOString(),
        seconds: secondsSince(beganMs, endedAt.getTime()),
        ...reports,
        steps: runbook.progress.steps,
        decisions: runbook.progress.decisions,
        warnings: runbook.progress.warnings,
      };
    },
    { neverHolds: true, guarded: true },
  );
}

const pausedAbove = defineSignal<[Pick<Pause, 'by' | 'why'> | null]>(messages.pausedAbove);

/** The end of a link that is paused and goes on with the chain. */
async function pausedTogether(runbook: Runbook, child: ChildWorkflowHandle<Workflow>): Promise<unknown> {
  const tell = (pause: Pause | null): void => {
    // A link that has just ended hears nothing and needs nothing.
    child.signal(pausedAbove, pause && { by: pause.by, why: pause.why }).catch(() => undefined);
  };
  const forget = runbook.pauses?.onChange(tell);
  const standing = runbook.progress.pauses[0];
  if (standing) tell(standing);
  try {
    return await child.result();
  } finally {
    forget?.();
  }
}

/** A link that failed for good is a person's decision (pix 7): must the data be there the same day? Nobody answers: the next night does it. */
async function sameDayOrNextNight(link: Link, runbook: Runbook, run: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await runbook.step(stepOf(link), run);
      return;
    } catch (error) {
      // A person who aborted a held step has decided already.
      if (isCancellation(error) || describeFailure(error).type === 'StepAborted') throw error;
      const choice = await runbook.ask({
        id: `same-day/${link.step}`,
        text: `${link.title} failed: ${describeFailure(error).message} Is the data needed the same day (sameDay: the step runs again now), or can it wait for the next night (nextNight)?`,
        choices: ['sameDay', 'nextNight'] as const,
        default: 'nextNight',
      });
      if (choice === 'nextNight') throw error;
    }
  }
}

function stepOf({ step, type, title }: Link): PlannedStep {
  return { id: step, title, phase: 'Chain', commands: [`child run ${type}`], skippable: false, whenPaused: 'waits' };
}

/** Fields of the request that the link's own input knows. */
function overridesFor({ step }: Link, input: ReplicationInput): Record<string, unknown> {
  const given = input as unknown as Record<string, unknown>;
  const known = {
    full: ['full', 'retries', 'policy', 'foreignKeys', 'guard', 'limits'],
    incremental: ['incremental', 'retries', 'policy', 'guard'],
    learningContent: [],
    notification: [],
  }[step];
  return Object.fromEntries(known.filter((field) => given[field] !== undefined).map((field) => [field, given[field]]));
}
