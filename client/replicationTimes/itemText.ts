import { backslash, blank, carriageReturn, newline, quote, isSame, viewOf, type Bytes } from './logBytes.ts';
import { itemCategories } from './replicationTimes.contract.ts';

/** What follows the number of an item: ` TABLE DATA answers`. The log is valid during the call that hands them over. */
export interface ItemText {
  log: Bytes;
  from: number;
  /** The line is JSON, or ends with it. */
  inJson: boolean;
}

const names = itemCategories.map((category) => viewOf(Buffer.from(category)));

/**
 * Place in `itemCategories`; -1: none. "SEQUENCE SET" and "SEQUENCE OWNED BY" are work on sequences; "CHECK CONSTRAINT", "TABLE" and the rest have no
 * category.
 */
export function categoryOf({ log: { view, length }, from, inJson }: ItemText): number {
  const begin = afterBlanks(view, from);
  for (let category = 0; category < names.length; category += 1) {
    const name = names[category];
    if (!name || begin + name.length > length || !isSame(view, begin, name.view, 0, name.length)) continue;
    const end = begin + name.length;
    const code = view.getUint8(end);
    return code === blank || code === carriageReturn || endsText(view, end, inJson) ? category : -1;
  }
  return -1;
}

/** Copies the name that follows the category into `into` from `to` on, up to `limit` bytes; answers their number. */
export function copyName({ log: { view }, from, inJson }: ItemText, category: number, into: Buffer, to: number, limit: number): number {
  let place = afterBlanks(view, afterBlanks(view, from) + (names[category]?.length ?? 0));
  let length = 0;
  for (; length < limit && !endsText(view, place, inJson); length += 1, place += 1) {
    if (inJson && isEscape(view, place)) place += 1;
    into[to + length] = view.getUint8(place);
  }
  return length;
}

/** The end of the line; of a JSON line the end of the message, or of a line within it. */
function endsText(view: DataView, place: number, inJson: boolean): boolean {
  const code = view.getUint8(place);
  if (code === newline || !inJson) return code === newline;
  if (code !== backslash) return code === quote;
  const escaped = view.getUint8(place + 1);
  return escaped === 0x6e || escaped === 0x72;
}

function isEscape(view: DataView, place: number): boolean {
  if (view.getUint8(place) !== backslash) return false;
  const escaped = view.getUint8(place + 1);
  return escaped === quote || escaped === backslash;
}

function afterBlanks(view: DataView, from: number): number {
  let place = from;
  while (view.getUint8(place) === blank) place += 1;
  return place;
}
