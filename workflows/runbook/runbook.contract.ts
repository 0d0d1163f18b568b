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
  state: 'working' | 'bringingBack' | 'completing' | 'done' | 'failed' | 'cancelled';
  attention: Attention;
  startedAt: string;
  steps: StepRecord[];
  /** What is down because of this run, since when, and how to start it by hand. */
  down: TakenDown[];
  questions: OpenQuestion[];
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
