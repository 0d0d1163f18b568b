import type { LineTime } from './lineTime.ts';
import type { LogEvents } from './logScanner.ts';
import { milestones, type Milestone } from './markers.ts';
import { itemCategories, type CategoryTimes, type ItemCategory, type RunTimes } from './replicationTimes.contract.ts';

const longestMax = 3;

interface OpenRun {
  day: number;
  at: Partial<Record<Milestone, number>>;
  launched: Map<number, { operation: string; category: ItemCategory; atMs: number }>;
  categories: Record<ItemCategory, CategoryTimes>;
}

/** Tells runs apart and sums their items. `lastTime` is asked for when a run ends without a marker of its end. */
export function createRunCollector(lastTime: () => LineTime | null): {
  events: LogEvents;
  finish(): { runs: RunTimes[]; withoutTime: number };
} {
  const runs: RunTimes[] = [];
  let open: OpenRun | null = null;
  let withoutTime = 0;

  function close(): void {
    if (open) runs.push(describe(open, lastTime()));
    open = null;
  }

  function begin(time: LineTime): OpenRun {
    close();
    open = { day: time.day, at: {}, launched: new Map(), categories: emptyCategories() };
    return open;
  }

  const events: LogEvents = {
    milestone(milestone, time) {
      const run = open && belongs(open, milestone) ? open : begin(time);
      run.at[milestone] = time.atMs;
      if (milestone === 'importDone') close();
    },
    item(kind, id, operation, time) {
      const run = open ?? begin(time);
      if (kind === 'launched') {
        const text = operation();
        const category = categoryOf(text);
        if (category) run.launched.set(id, { operation: text, category, atMs: time.atMs });
        return;
      }
      const launched = run.launched.get(id);
      if (!launched) return;
      run.launched.delete(id);
      count(run.categories[launched.category], launched, Math.max(0, time.atMs - launched.atMs));
    },
    withoutTime: () => (withoutTime += 1),
  };
  return {
    events,
    finish() {
      close();
      return { runs, withoutTime };
    },
  };
}

const order: readonly Milestone[] = ['importStart', 'backupStart', 'restoreStart', 'restoreDone', 'enrichmentEnded', 'importDone'];

/** A run meets every milestone once and in their order; one that is met again, or before an earlier one, belongs to another run. */
function belongs({ at, launched, categories }: OpenRun, milestone: Milestone): boolean {
  const place = order.indexOf(milestone);
  if (order.slice(place).some((later) => at[later] !== undefined)) return false;
  // Items are restored: what comes before the restore is a new run.
  const restored = launched.size > 0 || itemCategories.some((category) => categories[category].finished > 0);
  return place > order.indexOf('restoreStart') || !restored;
}

function emptyCategories(): Record<ItemCategory, CategoryTimes> {
  const empty = (): CategoryTimes => ({ finished: 0, unfinished: 0, totalMs: 0, longest: [] });
  return { 'FK CONSTRAINT': empty(), CONSTRAINT: empty(), INDEX: empty(), SEQUENCE: empty(), 'TABLE DATA': empty() };
}

/** "SEQUENCE SET" and "SEQUENCE OWNED BY" are work on sequences; "CHECK CONSTRAINT", "TABLE" and the rest have no category. */
function categoryOf(operation: string): ItemCategory | undefined {
  return itemCategories.find(
    (category) => operation.startsWith(category) && (operation.length === category.length || operation[category.length] === ' '),
  );
}

function count(times: CategoryTimes, { operation, category }: { operation: string; category: ItemCategory }, durationMs: number): void {
  times.finished += 1;
  times.totalMs += durationMs;
  const { longest } = times;
  if (longest.length === longestMax && durationMs <= (longest.at(-1)?.durationMs ?? 0)) return;
  const before = longest.findIndex((item) => item.durationMs < durationMs);
  longest.splice(before === -1 ? longest.length : before, 0, { name: operation.slice(category.length).trim(), durationMs });
  longest.length = Math.min(longest.length, longestMax);
}

function describe({ day, at, launched, categories }: OpenRun, last: LineTime | null): RunTimes {
  for (const { category } of launched.values()) categories[category].unfinished += 1;
  const needed = ['backupStart', 'restoreStart', 'restoreDone'] as const;
  const missing = needed.filter((milestone) => at[milestone] === undefined).map((milestone) => milestones[milestone]);
  const marked = at.importDone ?? at.enrichmentEnded;
  const endMs = marked ?? last?.atMs;
  const between = (from: number | undefined, to: number | undefined): number | null =>
    from === undefined || to === undefined || to < from ? null : to - from;
  return {
    date: dateOf(day),
    complete: missing.length === 0,
    missing,
    backupStartAt: instant(at.backupStart),
    restoreStartAt: instant(at.restoreStart),
    restoreDoneAt: instant(at.restoreDone),
    endAt: instant(endMs),
    endSeen: marked === undefined ? 'lastLine' : 'marker',
    backupMs: between(at.backupStart, at.restoreStart),
    replicationMs: between(at.restoreStart, at.restoreDone),
    enrichmentMs: between(at.restoreDone, endMs),
    totalMs: missing.length === 0 ? between(at.backupStart, endMs) : null,
    categories,
  };
}

function dateOf(day: number): string {
  const text = String(day).padStart(8, '0');
  return `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`;
}

function instant(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString();
}
