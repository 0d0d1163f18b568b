import { isSame, viewOf, type Bytes } from './logBytes.ts';
import { markers, type Marker } from './markers.ts';

export interface FoundMarker {
  marker: Marker | null;
  at: number;
  /** Behind its last byte. */
  end: number;
}

/** As long as the shortest marker: of each marker so much of its end is looked for. */
const windowBytes = Math.min(...markers.map(({ bytes }) => bytes.length));
/** By a pair of bytes: how far the window may leap when it ends with that pair and no marker is to be missed. */
const leaps = new Uint8Array(0x1_0000).fill(windowBytes - 1);
/** By a pair with which markers end: their place in `groups`. */
const groupOf = new Uint8Array(0x1_0000);
const groups: { marker: Marker; text: Bytes }[][] = [];

for (const { bytes } of markers) {
  const ending = bytes.subarray(-windowBytes);
  for (let last = 1; last < windowBytes; last += 1) {
    const pair = ending.readUInt16BE(last - 1);
    leaps[pair] = Math.min(leaps[pair] ?? 0, windowBytes - 1 - last);
  }
}
for (const [pair, ending] of Map.groupBy(markers, ({ bytes }) => bytes.readUInt16BE(bytes.length - 2)))
  groupOf[pair] = groups.push(ending.map((marker) => ({ marker, text: viewOf(marker.bytes) }))) - 1;

/**
 * Finds the first marker that lies at or behind `from`, all markers in one pass: the last two bytes of the window tell how far it may leap, so that of a
 * line without markers one byte in five is looked at (the search of Wu and Manber). Answers false when there is none.
 */
export function findMarker({ view, length }: Bytes, from: number, into: FoundMarker): boolean {
  for (let last = from + windowBytes - 1; last < length;) {
    const pair = view.getUint16(last - 1);
    const leap = leaps[pair] ?? 1;
    last += leap;
    if (leap > 0) continue;
    for (const { marker, text } of groups[groupOf[pair] ?? 0] ?? []) {
      const at = last + 1 - text.length;
      if (at < from || !isSame(view, at, text.view, 0, text.length)) continue;
      into.marker = marker;
      into.at = at;
      into.end = last + 1;
      return true;
    }
    last += 1;
  }
  return false;
}
