/** Categories of pg_restore's items, in the order of the report. */
export const itemCategories = ['FK CONSTRAINT', 'CONSTRAINT', 'INDEX', 'SEQUENCE', 'TABLE DATA'] as const;
export type ItemCategory = (typeof itemCategories)[number];

/** Epoch ms. */
export type Span = readonly [beginMs: number, endMs: number];

/** One try of an item. One whose end is not known ends with its run, or now. */
export interface ItemTry {
  id: string;
  category: ItemCategory;
  name: string;
  span: Span;
  finished: boolean;
}

export type CategoryTimes = ReturnType<typeof timesOf>;

export function timesByCategory(tries: readonly ItemTry[]): Record<ItemCategory, CategoryTimes> {
  return Object.fromEntries(itemCategories.map((category) => [category, timesOf(category, tries)])) as Record<ItemCategory, CategoryTimes>;
}

function timesOf(category: ItemCategory, all: readonly ItemTry[]) {
  const tries = all.filter((each) => each.category === category);
  const finished = tries.flatMap(({ name, span: [from, to], finished }) =>
    finished ? [{ name, durationMs: Math.max(0, to - from) }] : [],
  );
  const ended = new Set(tries.flatMap(({ id, finished }) => (finished ? [id] : [])));
  return {
    finished: finished.length,
    /** Begun, but no try is known to have ended well. */
    unfinished: new Set(tries.flatMap(({ id }) => (ended.has(id) ? [] : [id]))).size,
    /** Sum over parallel workers: may be longer than the run. */
    totalMs: finished.reduce((sum, { durationMs }) => sum + durationMs, 0),
    /** Time in which at least one item was under way. */
    wallMs: unionMs(tries.map(({ span }) => span)),
    longest: finished.sort((a, b) => b.durationMs - a.durationMs).slice(0, 3),
  };
}

/** Time that at least one of the spans covers. */
export function unionMs(spans: readonly Span[]): number {
  let total = 0;
  let coveredMs = Number.NEGATIVE_INFINITY;
  for (const [beginMs, endMs] of [...spans].sort((a, b) => a[0] - b[0])) {
    total += Math.max(0, endMs - Math.max(beginMs, coveredMs));
    coveredMs = Math.max(coveredMs, endMs);
  }
  return total;
}
