import { defineSignal, startChild, workflowInfo, type ChildWorkflowHandle, type Workflow } from '@temporalio/workflow';

import { messages } from '../names.contract.ts';
import { describeFailure, isCancellation } from '../runbook/failures.ts';
import { describePlan, step } from '../runbook/plan.ts';
import { handDown, lookOf, procedure, type Procedure } from '../runbook/procedure.ts';
import type { Run } from '../runbook/run.ts';
import type { Look, Pause, PlannedStep, PlanReport } from '../runbook/runbook.contract.ts';
import { containerStep, lookAtContainers, withContainersDown } from './containers.ts';
import { fullReplication } from './fullReplication.ts';
import { incrementalReplication } from './incrementalReplication.ts';
import type { PixInput, PixRequest, ReplicaRequest } from './inputs.schema.ts';
import { learningContent } from './learningContent.ts';
import { guardGates, pausePolicyOf, underLoadGuard } from './loadGuard.ts';
import { notification } from './notification.ts';
import { ofReplica } from './ofReplica.ts';
import type { PixReplica } from './replica.contract.ts';
import type { ChainStep, ReplicationFacts, ReplicationReport } from './replication.contract.ts';

type Request = PixRequest<'pixReplication'>;

interface Link {
  id: ChainStep;
  type: string;
  title: string;
  /** Why there is nothing to do, or null. */
  absent: (replica: PixReplica) => string | null;
  /** Its request, made from the chain's. */
  request: (chain: Request) => ReplicaRequest;
  /** What its own dry run says. */
  describe: (chain: Request) => Promise<PlanReport>;
}

/** @param options of the link's own input, which a chain leaves at their defaults. */
function link<Own extends ReplicaRequest, Plan extends object>(
  id: ChainStep,
  title: string,
  spec: Procedure<Own, Plan>,
  options: Omit<Own, keyof ReplicaRequest>,
  absent: Link['absent'],
): Link {
  const request = ({ startAt: _, ...chain }: Request): Own => ({ ...chain, ...options }) as unknown as Own;
  const describe = async (chain: Request): Promise<PlanReport> => {
    const own = request(chain);
    return describePlan(spec, own, await lookOf(spec, own));
  };
  return { id, type: spec.type, title, absent, request, describe };
}

/** The four links of a night, in their order. */
const chain: [Link, ...Link[]] = [
  link('full', 'full replication and enrichment', fullReplication, { dumpOf: null }, () => null),
  link('incremental', 'incremental tables', incrementalReplication, {}, ({ tables }) =>
    Object.values(tables).includes('incremental') ? null : 'no incremental tables configured',
  ),
  link('learningContent', 'learning content', learningContent, {}, (replica) =>
    replica.learningContent ? null : 'no learning content configured',
  ),
  link('notification', 'webhooks', notification, {}, ({ notifications }) => (notifications.length > 0 ? null : 'no webhooks configured')),
];

type LinkStep = PlannedStep & { link: Link; /** Why it does not run, or null. */ leftOut: string | null };

function planChain({ replica, startAt }: Request) {
  const first = chain.findIndex(({ id }) => id === startAt);
  const stepOf = (each: Link): LinkStep => ({
    ...step('Chain', each.id, each.title, { commands: [`child run ${each.type}`], whenPaused: 'waits' }),
    link: each,
    leftOut: chain.indexOf(each) < first ? `the run starts at ${startAt}` : each.absent(replica),
  });
  const [full, ...others] = chain;
  const containersDown = startAt === 'full' ? replica.containers.map(containerStep) : [];
  return { containersDown, full: stepOf(full), containersUp: containersDown.map(({ up }) => up), others: others.map(stepOf) };
}

export const replication: Procedure<Request, ReturnType<typeof planChain>> = {
  ...ofReplica,
  type: 'pixReplication',
  plan: planChain,
  // Its steps are procedures, which hold their own.
  policy: ({ replica }) => ({ ...replica.policy, onStepFailure: 'unwind' }),
  pauses: ({ replica }) => pausePolicyOf(replica),
  gates: ({ replica }) => [
    `when a link has failed for good: asks whether the data must be there the same day; default after ${replica.policy.questionSeconds} s: the next night`,
    ...guardGates(replica),
  ],
  needsLook: 'every link has steps of its own',
  look,
  cancelled: 'what the links before it took into use stays in use',
};

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
export async function pixReplication(input: PixInput<'pixReplication'>): Promise<ReplicationReport | PlanReport> {
  return procedure(replication, input, (context) =>
    underLoadGuard(context, async (): Promise<ReplicationFacts> => {
      const { request, plan, run } = context;
      const reports: Pick<ReplicationFacts, ChainStep> = {};
      for (const each of [plan.full, ...plan.others]) {
        const { id } = each.link;
        if (each.leftOut !== null) run.notNeeded(each, each.leftOut);
        else
          await sameDayOrNextNight(each, run, async () => {
            const runLink = (): Promise<unknown> => runChild(each.link, request, run);
            reports[id] = (await (id === 'full' ? withContainersDown(plan.containersDown, run, runLink) : runLink())) as never;
          });
      }
      return { startAt: request.startAt, ...reports };
    }),
  );
}

const pausedAbove = defineSignal<[Pick<Pause, 'by' | 'why'> | null]>(messages.pausedAbove);

async function runChild({ id, type, title, request }: Link, whole: Request, run: Run): Promise<unknown> {
  const child = await startChild(type, {
    workflowId: `${workflowInfo().workflowId}/${id}`,
    args: [handDown(request(whole))],
    staticSummary: `${title} of ${whole.replica.name}`,
  });
  return pausedTogether(run, child);
}

/** The end of a link that is paused and goes on with the chain. */
async function pausedTogether(run: Run, child: ChildWorkflowHandle<Workflow>): Promise<unknown> {
  const tell = (pause: Pause | null): void => {
    // A link that has just ended hears nothing and needs nothing.
    child.signal(pausedAbove, pause && { by: pause.by, why: pause.why }).catch(() => undefined);
  };
  const forget = run.pauses?.onChange(tell);
  const standing = run.progress.pauses[0];
  if (standing) tell(standing);
  try {
    return await child.result();
  } finally {
    forget?.();
  }
}

/** A link that failed for good is a person's decision: must the data be there the same day? Nobody answers: the next night does it. */
async function sameDayOrNextNight(planned: LinkStep, run: Run, work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await run.step(planned, work);
      return;
    } catch (error) {
      // A person who aborted a held step has decided already.
      if (isCancellation(error) || describeFailure(error).type === 'StepAborted') throw error;
      const choice = await run.ask({
        id: `same-day/${planned.id}`,
        text: `${planned.title} failed: ${describeFailure(error).message} Must the data be there the same day (run the step again), or does the next night do it?`,
        choices: ['sameDay', 'nextNight'] as const,
        default: 'nextNight',
      });
      if (choice === 'nextNight') throw error;
    }
  }
}

/** What the dry run of every link says, and how many containers there are now. */
async function look(request: Request, { containersDown, full, others }: ReturnType<typeof planChain>): Promise<Look> {
  const containers = await lookAtContainers(containersDown);
  const links: PlanReport[] = [];
  for (const { link: each, leftOut } of [full, ...others]) if (leftOut === null) links.push(await each.describe(request));
  return {
    faults: [...containers.faults, ...links.flatMap(({ procedure: type, faults }) => faults.map((fault) => `${type}: ${fault}`))],
    warnings: links.flatMap(({ procedure: type, warnings }) => warnings.map((warning) => `${type}: ${warning}`)),
    facts: { containers: containers.now, links },
  };
}
