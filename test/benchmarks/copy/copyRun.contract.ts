/** One timed run of either side, in seconds and bytes. */
export interface CopyRun {
  /** From the first stop until everything is up again. */
  window: number;
  /** The copies alone, from the beginning of the first to the end of the last. */
  copying: number;
  /** Of these the copies of replica sets. */
  copyingSets: number;
  /** How many of the parts are replica sets; they come first. */
  sets: number;
  /** Where the window goes: phases in their order, each from its first step's beginning to its last step's end. */
  phases: { name: string; seconds: number }[];
  parts: { name: string; seconds: number; sourceBytes: number; writtenBytes: number }[];
}
