/** Every name that goes over the wire and outlives a refactoring. Built here and nowhere else. */

/** Where workflows, and activities that need only the network, run. */
export const operationsQueue = 'operations';

/** The usual id of a run: `<system>/<procedure>/<target>`. A person may give another; what the run holds does not depend on it. */
export function runId(system: string, procedure: string, target: string): string {
  return `${system}/${procedure}/${target}`;
}

/** Where holds stand: no worker serves it (runbook/hold.ts). */
export const holdsQueue = 'nightshift-holds';

/** Id of the child workflow that holds a thing while a run changes it: at most one is open, whoever started the run and whatever its definition is called. */
export function holdId(thing: string): string {
  return `hold/${thing}`;
}

/** Memo key of a run's outcome. */
export const outcomeKey = 'outcome';

/** Search attributes: all of type Keyword. */
export const searchAttributes = {
  /** System operated, for example "vitam". */
  system: 'OpsSystem',
  /** Platform operated, for example "lab". */
  target: 'OpsTarget',
  /** Phase of the runbook that the run is in. */
  phase: 'OpsPhase',
  /** What a person is wanted for: "none", "question", "hold" or "restore". */
  attention: 'OpsAttention',
} as const;

export type Attention = 'none' | 'question' | 'hold' | 'restore';

/** Message names; each constant is the word on the wire. */
export const messages = {
  progress: 'progress',
  report: 'report',
  answer: 'answer',
  retryStep: 'retryStep',
  skipStep: 'skipStep',
  abort: 'abort',
  pause: 'pause',
  resume: 'resume',
  /** Signal of a run to its parts: workflows can send each other no updates. */
  pausedAbove: 'pausedAbove',
} as const;
