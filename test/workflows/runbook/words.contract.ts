import type { PausePolicy, RunPolicy, RunRequest } from '../../../workflows/runbook/runbook.contract.ts';

/** A definition of the test's own system: things to hold, and how a run deals with trouble. */
export interface Words {
  things: string[];
  policy: RunPolicy;
  pauses: PausePolicy;
}

export type WordsRequest<Options extends object = object> = RunRequest & { words: Words } & Options;

/** A thing that a run takes down. */
export interface Item {
  id: string;
  back?: 'afterSuccess' | 'never';
}

export interface FanOptions {
  word: 'inParallel' | 'workPool';
  items: string[];
  atOnceMax: number;
  /** Of the pool: what becomes possible when an item has ended. */
  then: Record<string, string[]>;
}

export interface WatchOptions {
  word: 'alongside' | 'lookingOn';
}

/** The one activity of these workflows; the test says what each call does. */
export interface WordsActivities {
  act(what: string): Promise<string>;
}
