/** Categories of pg_restore's items, in the order of the report. */
export const itemCategories = ['FK CONSTRAINT', 'CONSTRAINT', 'INDEX', 'SEQUENCE', 'TABLE DATA'] as const;

export type ItemCategory = (typeof itemCategories)[number];

export interface ItemTime {
  name: string;
  durationMs: number;
}

export interface CategoryTimes {
  finished: number;
  /** Launched, but their end is not in the log. */
  unfinished: number;
  /** Sum over parallel workers: may be longer than the run. */
  totalMs: number;
  /** At most three, the longest first. */
  longest: ItemTime[];
}

/** One run of the old tool. What the log does not tell is null. Instants are ISO 8601 UTC. */
export interface RunTimes {
  /** YYYY-MM-DD as the log writes it: of the first marker. */
  date: string;
  complete: boolean;
  /** Markers that are not in the log. */
  missing: string[];
  backupStartAt: string | null;
  restoreStartAt: string | null;
  restoreDoneAt: string | null;
  /** Of the marker "Import and enrichment done" or "enrichment.add - Ended", else of the last line before the next run. */
  endAt: string | null;
  endSeen: 'marker' | 'lastLine';
  backupMs: number | null;
  replicationMs: number | null;
  enrichmentMs: number | null;
  totalMs: number | null;
  categories: Record<ItemCategory, CategoryTimes>;
}

export interface ReplicationTimes {
  runs: RunTimes[];
  /** Markers and items on lines without a date and time: not counted. */
  withoutTime: number;
  /** Bytes of the log. */
  sizeBytes: number;
}
