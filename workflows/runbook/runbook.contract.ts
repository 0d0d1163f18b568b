import type { Attention } from '../names.contract.ts';

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
  /** Of work in bytes, when the procedure measures it. */
  estimate?: { doneBytes: number; totalBytes: number; endsAt?: string };
}

/** An update by a person. `by` says who; it is recorded. */
export interface OperatorMessage {
  by: string;
  why?: string;
}
