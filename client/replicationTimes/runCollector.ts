import type { LineTime } from './lineTime.ts';
import type { LogEvents } from './logScanner.ts';
import { milestones, type Milestone } from './markers.ts';
import { createOpenItems } from './openItems.ts';
import { itemCategories, type CategoryTimes, type ItemCategory, type ItemTime, type RunTimes } from './replicationTimes.contract.ts';

const longestMax = 3;

interface OpenRun {
  day: number;
  at: Partial<Record<Milestone, number>>;
  /** By place in `itemCategories`. */
  categories: CategoryTimes[];
  hasItems: boolean;
}

/** Tells runs apart and sums their items. `lastTime` is asked for when a run ends without a marker of its end. */
export function createRunCollector(lastTime: () => LineTime | null): {
  events: LogEvents;
  finish(): { runs: RunTimes[]; withoutTime: number };
} {
  const runs: RunTimes[] = [];
  let open: OpenRun | null = null;
  let withoutTime = 0;
  const items = createOpenItems();

  function close(): void {
    if (!open) return;
    for (const [place, times] of open.categories.entries()) times.unfinished = items.unfinished[place] ?? 0;
    runs.push(describe(open, lastTime()));
    items.clear();
    open = null;
  }

  function begin(time: LineTime): OpenRun {
    close();
    open = { day: time.day, at: {}, categories: itemCategories.map(noTimes), hasItems: false };
    return open;
  }

  const events: LogEvents = {
    milestone(milestone, time) {
      const run = open && belongs(open, milestone) ? open : begin(time);
      run.at[milestone] = time.atMs;
      if (milestone === 'importDone') close();
    },
    launched(id, text, time) {
      const run = open ?? begin(time);
      if (items.launch(id, text, time.atMs)) run.hasItems = true;
    },
    finished(id, time) {
      const run = open ?? begin(time);
      const place = items.finish(id);
      const times = run.categories[items.categoryAt(place)];
      if (place === -1 || !times) return;
      const durationMs = Math.max(0, time.atMs - items.launchedMs(place));
      times.finished += 1;
      times.totalMs += durationMs;
      if (isAmongLongest(times, durationMs)) addToLongest(times, { name: items.nameAt(place), durationMs });
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
function belongs({ at, hasItems }: OpenRun, milestone: Milestone): boolean {
  const place = order.indexOf(milestone);
  if (order.slice(place).some((later) => at[later] !== undefined)) return false;
  // Items are restored: what comes before the restore is a new run.
  return place > order.indexOf('restoreStart') || !hasItems;
}

function noTimes(): CategoryTimes {
  return { finished: 0, unfinished: 0, totalMs: 0, longest: [] };
}

function isAmongLongest({ longest }: CategoryTimes, durationMs: number): boolean {
  return longest.length < longestMax || durationMs > (longest[longestMax - 1]?.durationMs ?? 0);
}

function addToLongest({ longest }: CategoryTimes, item: ItemTime): void {
  const before = longest.findIndex(({ durationMs }) => durationMs < item.durationMs);
  longest.splice(before === -1 ? longest.length : before, 0, item);
  longest.length = Math.min(longest.length, longestMax);
}

function describe({ day, at, categories }: OpenRun, last: LineTime | null): RunTimes {
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
    categories: Object.fromEntries(itemCategories.map((category, place) => [category, categories[place]])) as Record<
      ItemCategory,
      CategoryTimes
    >,
  };
}

function dateOf(day: number): string {
  const text = String(day).padStart(8, '0');
  return `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`;
}

function instant(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString();
}
