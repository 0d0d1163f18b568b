import { categoryOf, copyName, type ItemText } from './itemText.ts';
import { itemCategories } from './replicationTimes.contract.ts';

/** Many times the jobs of any pg_restore. */
export const openItemsMax = 65_536;
/** Two identifiers of PostgreSQL and what stands between. */
const nameBytesMax = 160;

/**
 * The items that were launched and have not finished, in memory that is taken once and leaves no garbage. Of more than `openItemsMax` those that were
 * launched first are given up: they stay unfinished.
 */
export interface OpenItems {
  /** The last launch of a number counts. False: an item without a category, which is not followed. */
  launch(id: number, text: ItemText, atMs: number): boolean;
  /** Place in the table, valid up to the next launch; -1: it was not launched. */
  finish(id: number): number;
  launchedMs(place: number): number;
  categoryAt(place: number): number;
  nameAt(place: number): string;
  /** How many of each category were launched and did not finish, by place in `itemCategories`. */
  readonly unfinished: Uint32Array;
  clear(): void;
}

export function createOpenItems(): OpenItems {
  const ids = new Float64Array(openItemsMax);
  const launchedMs = new Float64Array(openItemsMax);
  const categories = new Uint8Array(openItemsMax);
  // The system hands this memory out as it is written to: for some jobs, some pages.
  const names = Buffer.alloc(openItemsMax * nameBytesMax);
  const nameBytes = new Uint8Array(openItemsMax);
  const unfinished = new Uint32Array(itemCategories.length);
  const free: number[] = [];
  let touched = 0;
  let nextGivenUp = 0;
  const index = createPlaceIndex(ids);

  function takePlace(): number {
    const place = free.pop();
    if (place !== undefined) return place;
    if (touched < openItemsMax) return touched++;
    const givenUp = nextGivenUp;
    nextGivenUp = (nextGivenUp + 1) % openItemsMax;
    index.remove(ids[givenUp] ?? 0);
    return givenUp;
  }

  function countUnfinished(category: number, more: number): void {
    unfinished[category] = (unfinished[category] ?? 0) + more;
  }

  return {
    launch(id, text, atMs) {
      const category = categoryOf(text);
      if (category === -1) return false;
      let place = index.find(id);
      if (place === -1) {
        place = takePlace();
        ids[place] = id;
        index.add(id, place);
      } else countUnfinished(categories[place] ?? 0, -1);
      countUnfinished(category, 1);
      launchedMs[place] = atMs;
      categories[place] = category;
      nameBytes[place] = copyName(text, category, names, place * nameBytesMax, nameBytesMax);
      return true;
    },
    finish(id) {
      const place = index.remove(id);
      if (place === -1) return -1;
      free.push(place);
      countUnfinished(categories[place] ?? 0, -1);
      return place;
    },
    launchedMs: (place) => launchedMs[place] ?? 0,
    categoryAt: (place) => categories[place] ?? 0,
    nameAt(place) {
      const from = place * nameBytesMax;
      return names.toString('utf8', from, from + (nameBytes[place] ?? 0)).trim();
    },
    unfinished,
    clear() {
      index.clear();
      unfinished.fill(0);
      free.length = 0;
      touched = 0;
      nextGivenUp = 0;
    },
  };
}

/** Where each number stands in `ids`. A Map would do, but throws a table away for every few launches. */
function createPlaceIndex(ids: Float64Array): {
  find(id: number): number;
  add(id: number, place: number): void;
  remove(id: number): number;
  clear(): void;
} {
  const slots = new Int32Array(2 * openItemsMax).fill(-1);
  const last = slots.length - 1;
  const placeAt = (slot: number): number => slots[slot] ?? -1;
  /** Numbers are given in order: three apart they make no long row of full slots, and still lie near each other in memory. */
  const ownSlot = (id: number): number => Math.imul(id, 3) & last;

  /** The slot of that number, or the free one where it would stand. */
  function slotOf(id: number): number {
    let slot = ownSlot(id);
    while (placeAt(slot) !== -1 && ids[placeAt(slot)] !== id) slot = (slot + 1) & last;
    return slot;
  }

  return {
    find: (id) => placeAt(slotOf(id)),
    add(id, place) {
      slots[slotOf(id)] = place;
    },
    remove(id) {
      let gap = slotOf(id);
      const place = placeAt(gap);
      if (place === -1) return -1;
      // What stands behind moves up, as far as that brings it nearer to its own slot.
      for (let slot = (gap + 1) & last; placeAt(slot) !== -1; slot = (slot + 1) & last) {
        const own = ownSlot(ids[placeAt(slot)] ?? 0);
        if (((slot - own) & last) < ((slot - gap) & last)) continue;
        slots[gap] = placeAt(slot);
        gap = slot;
      }
      slots[gap] = -1;
      return place;
    },
    clear: () => void slots.fill(-1),
  };
}
