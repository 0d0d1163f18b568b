import type { Attention } from '../names.contract.ts';

/** What every input becomes: validated, with the target's definition resolved. What a procedure needs beside it stands in the same object. */
export interface RunRequest {
  /** Answer with the plan and touch nothing. */
  dryRun: boolean;
  /** Name of the definition. */
  target: string;
  /** What a run on the target changes, for example "host/192.0.2.7:22": one run at a time on each, whatever the definitions are called. */
  things: string[];
}

/** How a run deals with trouble; part of every definition (`policy`). */
export interface RunPolicy {
  /** A failed step: unwind at once, or hold for a person until the deadline. */
  onStepFailure: 'unwind' | 'hold';
  holdSeconds: number;
  /** How long a question waits for its answer before its default is taken. */
  questionSeconds: number;
  /** How long the way back keeps trying what does not come back before it fails with PlatformNotRestored. */
  restoreLimitSeconds: number;
  /** Events after which a run ends its work and brings back what is down: the server ends a run at 51,200, and that end brings nothing back. */
  historyEventsMax: number;
}

/** A step as planned: what the dry run prints and what the run follows. */
export interface PlannedStep {
  /** Stable and unique in the run, for example "stop/vitam-worker/process-1". Operators name it in updates. */
  id: string;
  /** One line, imperative: "stop vitam-worker on process-1". */
  title: string;
  phase: string;
  host?: string;
  /** What a person would type, secrets masked. */
  commands: string[];
  /** Longest time that the step may take. */
  limitSeconds?: number;
  /** Whether an operator may skip it when it fails. */
  skippable: boolean;
  /** What the unwind does for it, when it takes something down. */
  unwind?: string;
  /** What cannot be taken back once this step has begun. */
  pointOfNoReturn?: string;
  /** Belongs to the way back: it runs whatever became of the work, for what the run took down. */
  wayBack?: true;
  /** Absent: a pause of the run does not concern it. */
  whenPaused?: WhenPaused;
}

/** `waits`: does not begin while the run is paused. `restarts`: nor does it go on, where the run's policy says so; it begins again. `yields`: is ended in any case and goes on where it stood. */
export type WhenPaused = 'waits' | 'restarts' | 'yields';

export interface PausePolicy {
  /** A pause ends by itself after so long. */
  limitSeconds: number;
  /** What becomes of steps under way that can begin again. */
  underWay: 'finish' | 'end';
  whenPauseEnds: 'goOn' | 'stop';
}

/** Why the run does not go on (pix 32, 33). */
export interface Pause {
  /** `above`: the run that this one is a part of. */
  origin: 'operator' | 'guard' | 'above';
  by: string;
  why: string;
  sinceAt: string;
  /** When it ends by itself; absent: with that of the run above. */
  untilAt?: string;
}

export type StepState = 'waiting' | 'running' | 'done' | 'failed' | 'held' | 'skipped' | 'notNeeded' | 'stopped';

export interface StepRecord {
  id: string;
  title: string;
  phase: string;
  state: StepState;
  beganAt?: string;
  endedAt?: string;
  seconds?: number;
  /** Why it failed, was skipped or was not needed; or what was seen. */
  note?: string;
  /** Bytes inside a copy. */
  bytes?: { done: number; total: number; written: number; bytesPerSecond: number };
  attempts: number;
}

/** Something that this run took down and has to bring back. */
export interface TakenDown {
  id: string;
  title: string;
  host?: string;
  sinceAt: string;
  /** What a person types to bring it back. */
  commands: string[];
  /** When the run brings it back by itself: at any end (absent), only when the work succeeded, or not at all. */
  back?: 'afterSuccess' | 'never';
}

export interface OpenQuestion {
  id: string;
  text: string;
  choices: string[];
  default: string;
  askedAt: string;
  /** When the default is taken. */
  deadlineAt: string;
}

/** Who decided what: answers, holds, aborts, cancels; recorded with the run. */
export interface Decision {
  at: string;
  subject: string;
  choice: string;
  by: string;
  why?: string;
}

/** Answer of the `progress` query. */
export interface RunProgress {
  procedure: string;
  target: string;
  phase: string;
  /** "completing": the platform is back, the set is being finished. */
  state: 'working' | 'paused' | 'bringingBack' | 'completing' | 'done' | 'failed' | 'cancelled';
  attention: Attention;
  startedAt: string;
  steps: StepRecord[];
  /** What is down because of this run, since when, and how to start it by hand. */
  down: TakenDown[];
  questions: OpenQuestion[];
  /** Why the run waits; empty: it does not. */
  pauses: Pause[];
  held: { step: string; failure: string; skippable: boolean; deadlineAt: string }[];
  decisions: Decision[];
  warnings: string[];
  /** From each first stop to the last check of its way back, in sum; what is down now does not count yet. */
  downtimeSeconds: number;
  /** Of work in bytes, when the procedure measures it. */
  estimate?: { doneBytes: number; totalBytes: number; endsAt?: string };
}

/** An update by a person. `by` says who; it is recorded. */
export interface OperatorMessage {
  by: string;
  why?: string;
}

/** What every run says of itself, at every end and on the way: the answer of the `report` query. A procedure's own facts stand beside these. */
export interface RunReport {
  procedure: string;
  system: string;
  target: string;
  state: RunProgress['state'];
  beganAt: string;
  /** Null: it has not ended. */
  endedAt: string | null;
  seconds: number;
  /** Sum of the times in which something was down because of this run, to the last check of the way back. */
  downtimeSeconds: number;
  stillDown: TakenDown[];
  /** Why it failed or was cancelled. */
  failure: { type: string; message: string } | null;
  steps: StepRecord[];
  decisions: Decision[];
  warnings: string[];
}

/** The end of a run as its memo has it (key `outcome`): readable without a worker, at most some 1.5 kB. */
export interface RunOutcome extends Pick<RunReport, 'state' | 'endedAt' | 'seconds' | 'downtimeSeconds' | 'failure'> {
  stillDown: string[];
  /** What a person does now; absent: nothing. */
  next?: string;
}

/** What a look at the world adds to a dry run. Reads only. */
export interface Look {
  /** What would refuse the run. */
  faults: string[];
  warnings: string[];
  /** For people and programs, for example the tables that would be copied. */
  facts?: Record<string, unknown>;
}

/** Answer of a dry run: the steps that the run would follow, in their order. Nothing was touched. */
export interface PlanReport extends Look {
  procedure: string;
  system: string;
  target: string;
  dryRun: true;
  /** `offline`: made from the definition alone. `offlinePart`: a run finds further steps or faults by looking at the world, and this plan did not look. */
  looked: 'offline' | 'offlinePart' | 'atTheWorld';
  /** What the run holds for itself. */
  holds: string[];
  /** What it waits for, asks or refuses. */
  gates: string[];
  steps: (PlannedStep & { number: number })[];
  /** What the way back would do, for what the run took down. */
  wayBack: string[];
}
