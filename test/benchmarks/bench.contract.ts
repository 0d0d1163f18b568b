/** One measured quantity over the rounds. */
export interface Figure {
  what: string;
  /** "ms", "s", "MB/s", "MB" or "x" (a ratio). */
  unit: string;
  /** One value per round, in the order of the rounds. */
  values: number[];
  /** Where the project wants its median; absent for facts without a target. */
  target?: { atMost: number } | { atLeast: number };
}

export interface Section {
  title: string;
  figures: Figure[];
  /** Settings, what each side does and does not do, what was left out. */
  notes: string[];
}

/** What a part of the benchmark works with. */
export interface Bench {
  rounds: number;
  /** An own empty folder, removed at the end. */
  directory: string;
  /** Progress, one line. */
  say: (line: string) => void;
  /** Aborts on Ctrl-C. */
  signal: AbortSignal;
  /** Something to end whatever happens; ended in reverse order. Add it before waiting for what it ends. */
  atEnd: (end: () => Promise<unknown>) => void;
}
