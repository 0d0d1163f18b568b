import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  defineQuery,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';

import { messages, outcomeKey } from '../names.contract.ts';
import { describeFailure, isCancellation, readableFailure } from './failures.ts';
import { hold } from './hold.ts';
import { describePlan, holdsOf, stepsOf, type Planned } from './plan.ts';
import { local } from './profiles.ts';
import { beginRun, type Run } from './run.ts';
import type { Look, PausePolicy, PlanReport, RunOutcome, RunPolicy, RunReport, RunRequest } from './runbook.contract.ts';
import { showDetails } from './showDetails.ts';
import { stoppable } from './stoppable.ts';

/** What every workflow type is made of, beside its work. */
export interface Procedure<Request extends RunRequest, Plan extends object> extends Planned<Request, Plan> {
  policy: (request: Request) => RunPolicy;
  /** Absent: a run cannot be paused. */
  pauses?: (request: Request) => PausePolicy;
  /** What a dry run sees of the world; reads only. Absent: the plan needs none. */
  look?: (request: Request, plan: Plan) => Promise<Look>;
  /** What a cancelled run says of the state that it leaves. */
  cancelled?: string | ((request: Request) => string);
}

/** What the work of a procedure has in hand. */
export interface Context<Request extends RunRequest, Plan extends object> {
  request: Request;
  plan: Plan;
  run: Run;
  /** Ends the work as a cancel does, with this failure as the end of the run. */
  stop: (reason: Error) => void;
}

/** The input of a part of a chain: its parent has resolved the target, and holds it. */
interface HandedDown {
  handedDown: { by: string; request: RunRequest };
}

/**
 * The frame that every workflow type goes through, reads included: reads the input, answers a dry run, registers marks and messages, holds what the run changes,
 * does the work, and ends in one shape, whatever the end: done with the report, failed with the report as first detail, or cancelled.
 * The outcome stands in the memo too, where it can be read without a worker.
 * @param work answers the procedure's own facts; they stand beside the frame's in the report.
 */
export async function procedure<Request extends RunRequest, Plan extends object, Facts extends object>(
  spec: Procedure<Request, Plan>,
  input: unknown,
  work: (context: Context<Request, Plan>) => Promise<Facts>,
): Promise<(RunReport & Facts) | PlanReport> {
  const above = handedDownBy(input);
  const request = (above ?? (await readInput(spec.type, input))) as Request;
  const plan = spec.plan(request);
  if (request.dryRun) return describePlan(spec, request, await lookOf(spec, request));

  const policy = spec.policy(request);
  const run = beginRun({
    procedure: spec.type,
    system: spec.system,
    target: request.target,
    steps: stepsOf(plan),
    policy,
    ...(spec.pauses ? { pauses: spec.pauses(request) } : {}),
  });
  showDetails(run.progress);
  let final: RunReport | null = null;
  setHandler(defineQuery(messages.report), () => final ?? run.report(null), {
    description: 'What the run did: steps, times, what is down, decisions, warnings; at the end all facts',
  });
  const root = CancellationScope.current();
  try {
    if (!above) await hold(holdsOf(spec, request));
    const facts = await stoppable(run, policy, (stop) => work({ request, plan, run, stop }));
    run.setState('done');
    const report = { ...run.report({ at: new Date() }), ...facts };
    final = report;
    return report;
  } catch (error) {
    // A platform that is down is louder than a cancel; any other failure on the way out of a cancelled run is part of its end.
    const isCancelled = isCancellation(error) || (root.consideredCancelled && describeFailure(error).type !== 'PlatformNotRestored');
    run.setState(isCancelled ? 'cancelled' : 'failed');
    const at = new Date();
    if (isCancelled) {
      const cancelled = cancelledFailure(spec, request, error);
      final = { ...run.report({ at }), failure: { type: 'Cancelled', message: cancelled.message } };
      throw cancelled;
    }
    final = run.report({ at, error });
    throw readableFailure(error, { ...final, steps: final.steps.filter(({ state }) => state === 'failed' || state === 'held') });
  } finally {
    const ended = final ?? run.report({ at: new Date() });
    upsertMemo({ [outcomeKey]: outcomeOf(ended) });
  }
}

/** What a dry run sees; null: it needs no look. What keeps it from looking would keep a run from its work: it is a fault. */
export async function lookOf<Request extends RunRequest, Plan extends object>(
  { look, plan }: Procedure<Request, Plan>,
  request: Request,
): Promise<Look | null> {
  try {
    return look ? await look(request, plan(request)) : null;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { faults: [describeFailure(error).message], warnings: [] };
  }
}

/** The input of a part of this run: the part does not read the definition again, and stands under what this run holds. */
export function handDown(request: RunRequest): HandedDown {
  return { handedDown: { by: workflowInfo().workflowId, request } };
}

function handedDownBy(input: unknown): RunRequest | null {
  const handed = (input as Partial<HandedDown> | null)?.handedDown;
  return handed && handed.by === workflowInfo().parent?.workflowId ? handed.request : null;
}

/** Validates and resolves the input in a local activity, so that a bad one fails the run with every fault, readable. */
async function readInput(type: string, input: unknown): Promise<RunRequest> {
  try {
    return (await local.readRequest({ procedure: type, input: input ?? null })) as RunRequest;
  } catch (error) {
    if (error instanceof ActivityFailure && error.cause instanceof ApplicationFailure) throw error.cause;
    throw error;
  }
}

function cancelledFailure<Request extends RunRequest>(
  { cancelled = 'nothing half-done is left' }: Pick<Procedure<Request, object>, 'cancelled'>,
  request: Request,
  error: unknown,
): CancelledFailure {
  const state = typeof cancelled === 'function' ? cancelled(request) : cancelled;
  return new CancelledFailure(`cancelled; ${state}${isCancellation(error) ? '' : `; on the way out: ${describeFailure(error).message}`}`);
}

const namedMax = 10;
const textMax = 400;

function outcomeOf({ state, endedAt, seconds, downtimeSeconds, failure, stillDown }: RunReport): RunOutcome {
  const commands = stillDown.flatMap((each) => each.commands);
  const [remedy] = /Remedy: [^]*$/.exec(failure?.message ?? '') ?? [];
  const next = commands.length > 0 ? commands.join(' ; ').slice(0, textMax) : remedy?.slice('Remedy: '.length, textMax);
  return {
    state,
    endedAt,
    seconds,
    downtimeSeconds,
    failure: failure && { type: failure.type, message: failure.message.slice(0, textMax) },
    stillDown: stillDown.slice(0, namedMax).map(({ title }) => title.slice(0, 80)),
    ...(next && state !== 'done' ? { next } : {}),
  };
}
