import type { Look, PlannedStep, PlanReport, RunRequest } from './runbook.contract.ts';

/** A planned step. Without `rest` it has no command of its own and cannot be skipped. */
export function step(phase: string, id: string, title: string, rest: Partial<PlannedStep> = {}): PlannedStep {
  return { id, title, phase, commands: [], skippable: false, ...rest };
}

/**
 * Every step of a plan. A plan is an object of steps, lists of steps and objects of them: the order in which they stand in it is the order of the run, of
 * the checklist and of the dry run.
 */
export function stepsOf(plan: object): PlannedStep[] {
  return Object.values(plan).flatMap((part: unknown) => {
    if (typeof part !== 'object' || part === null) return [];
    return isStep(part) ? [part] : stepsOf(part);
  });
}

function isStep(part: object): part is PlannedStep {
  return 'id' in part && 'title' in part && 'phase' in part && 'commands' in part;
}

/** What of a procedure the dry run and the run share. Pure: the dry run works offline too. */
export interface Planned<Request extends RunRequest, Plan extends object> {
  /** Workflow type. */
  type: string;
  system: string;
  /** The steps in their order, made from the request alone. */
  plan: (request: Request) => Plan;
  /** What the run holds for itself; absent: everything that the target is made of. A read holds nothing. */
  holds?: (request: Request) => string[];
  /** What it waits for, asks or refuses, a line each. */
  gates?: (request: Request) => string[];
  /** Why a plan made offline is not the whole; absent: it is. */
  needsLook?: string;
}

/** The answer of a dry run. @param look what a look at the world has shown; null: nobody has looked. */
export function describePlan<Request extends RunRequest, Plan extends object>(
  planned: Planned<Request, Plan>,
  request: Request,
  look: Look | null,
): PlanReport {
  const steps = stepsOf(planned.plan(request)).map(({ id, title, phase, host, commands, limitSeconds, skippable, ...rest }, index) => ({
    number: index + 1,
    id,
    title,
    phase,
    commands,
    skippable,
    ...(host === undefined ? {} : { host }),
    ...(limitSeconds === undefined ? {} : { limitSeconds }),
    ...(rest.unwind === undefined ? {} : { unwind: rest.unwind }),
    ...(rest.pointOfNoReturn === undefined ? {} : { pointOfNoReturn: rest.pointOfNoReturn }),
    ...(rest.wayBack ? { wayBack: rest.wayBack } : {}),
    ...(rest.whenPaused === undefined ? {} : { whenPaused: rest.whenPaused }),
  }));
  return {
    procedure: planned.type,
    system: planned.system,
    target: request.target,
    dryRun: true,
    looked: look ? 'atTheWorld' : planned.needsLook === undefined ? 'offline' : 'offlinePart',
    holds: holdsOf(planned, request),
    gates: [
      ...(planned.gates?.(request) ?? []),
      ...(look === null && planned.needsLook !== undefined ? [`made without a look at the world: ${planned.needsLook}`] : []),
    ],
    steps,
    wayBack: steps.flatMap(({ title, wayBack, unwind }) =>
      wayBack ? [`${title}, if the run took it down`] : unwind === undefined ? [] : [`${title}: ${unwind}`],
    ),
    faults: look?.faults ?? [],
    warnings: look?.warnings ?? [],
    ...(look?.facts ? { facts: look.facts } : {}),
  };
}

/** In one order for all runs. */
export function holdsOf<Request extends RunRequest>(planned: Planned<Request, object>, request: Request): string[] {
  return [...new Set(planned.holds ? planned.holds(request) : request.things)].sort();
}
