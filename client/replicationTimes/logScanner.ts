import { digitAt, readLineTime, type LineTime } from './lineTime.ts';
import { markers, type Marker, type Milestone } from './markers.ts';

export interface LogEvents {
  milestone(milestone: Milestone, time: LineTime): void;
  /** `operation` is read only when asked for: for example `TABLE DATA answers`. */
  item(kind: 'launched' | 'finished', id: number, operation: () => string, time: LineTime): void;
  withoutTime(): void;
}

const newline = 0x0a;
const openBrace = 0x7b;
const nowhere = 0x7fff_ffff;
const lineBytesMax = 1024 * 1024;
/** Between the words of a French pg_restore and the item's number there is one word, however its accents came through. */
const wordBytesMax = 24;

/**
 * Finds the markers in a log that comes in chunks of any size. Chunks are searched as bytes for all markers at once; only a line with a marker is
 * looked at. Memory does not grow with the log; of a line longer than 1 MB the end is left out.
 */
export function createLogScanner(events: LogEvents): { push(chunk: Buffer): void; end(): void; lastTime(): LineTime | null } {
  const time: LineTime = { atMs: 0, day: 0 };
  const looked: LineTime = { atMs: 0, day: 0 };
  const last: LineTime = { atMs: Number.NaN, day: 0 };
  /** Where each marker stands next in the chunk. */
  const next = new Int32Array(markers.length);
  const nextOf = (place: number): number => next[place] ?? nowhere;
  let tail: Buffer | null = null;

  /** Whole lines only. */
  function scan(bytes: Buffer): void {
    for (const [place, marker] of markers.entries()) next[place] = find(bytes, marker, 0);
    for (;;) {
      let first = 0;
      for (let place = 1; place < next.length; place += 1) if (nextOf(place) < nextOf(first)) first = place;
      const marker = markers[first];
      const at = nextOf(first);
      if (!marker || at === nowhere) break;
      handle(bytes, at, marker);
      next[first] = find(bytes, marker, at + marker.bytes.length);
    }
    rememberLast(bytes);
  }

  function handle(bytes: Buffer, at: number, marker: Marker): void {
    // Lines are short: stepping to their ends costs less than a call of the platform's search.
    let begin = at;
    while (begin > 0 && bytes[begin - 1] !== newline) begin -= 1;
    let end = at + marker.bytes.length;
    while (end < bytes.length && bytes[end] !== newline) end += 1;
    const isItem = marker.kind !== 'milestone';
    const idAt = isItem ? findId(bytes, at + marker.bytes.length, end) : -1;
    if (isItem && idAt === -1) return;
    if (!readLineTime(bytes, begin, end, time)) return events.withoutTime();
    if (!isItem) {
      // The end of a run is judged by the line before its successor's first.
      if (begin > 0) rememberLast(bytes.subarray(0, begin));
      return events.milestone(marker.milestone, time);
    }
    let place = idAt;
    let id = 0;
    for (let digit = digitAt(bytes, place); digit >= 0 && place < end; digit = digitAt(bytes, ++place)) id = id * 10 + digit;
    events.item(marker.kind, id, () => readOperation(bytes, begin, place, end), time);
  }

  /** Looks back for the last line with a time; what has none, for example the rest of a message, is passed over. */
  function rememberLast(bytes: Buffer): void {
    for (let end = bytes.length; end > 0;) {
      const begin = bytes.lastIndexOf(newline, end - 2) + 1;
      if (end - begin > 1 && readLineTime(bytes, begin, end, looked)) {
        last.atMs = looked.atMs;
        last.day = looked.day;
        return;
      }
      if (end < 2) return;
      end = begin;
    }
  }

  return {
    push(chunk) {
      let rest = chunk;
      if (tail) {
        const upTo = chunk.indexOf(newline) + 1;
        if (upTo === 0) {
          if (tail.length < lineBytesMax) tail = Buffer.concat([tail, chunk]);
          return;
        }
        scan(Buffer.concat([tail, chunk.subarray(0, upTo)]));
        tail = null;
        rest = chunk.subarray(upTo);
      }
      const whole = rest.lastIndexOf(newline) + 1;
      if (whole > 0) scan(rest.subarray(0, whole));
      // A copy: the caller uses the chunk's memory again.
      if (whole < rest.length) tail = Buffer.from(rest.subarray(whole));
    },
    end() {
      if (tail) scan(tail);
      tail = null;
    },
    lastTime: () => (Number.isNaN(last.atMs) ? null : { ...last }),
  };
}

function find(bytes: Buffer, marker: Marker, from: number): number {
  const found = bytes.indexOf(marker.bytes, from);
  return found === -1 ? nowhere : found;
}

/** Place of the item's number, at once or after one word; -1 when this is no item. */
function findId(bytes: Buffer, from: number, end: number): number {
  const limit = Math.min(end, from + wordBytesMax);
  for (let place = from; place < limit; place += 1)
    if (digitAt(bytes, place) >= 0 && (place === from || bytes[place - 1] === 0x20)) {
      let after = place;
      while (digitAt(bytes, after) >= 0) after += 1;
      return after - place <= 10 ? place : -1;
    }
  return -1;
}

/** Up to the end of the line, or inside a JSON line to the end of the message or to its next line. */
function readOperation(bytes: Buffer, begin: number, from: number, end: number): string {
  const text = bytes.toString('utf8', from, end);
  let place = begin;
  while (place < from && bytes[place] !== openBrace) place += 1;
  const inJson = place < from;
  const quote = inJson ? /(?<!\\)"|\\[nr]/.exec(text)?.index : undefined;
  return quote === undefined ? text.trim() : text.slice(0, quote).trim().replaceAll('\\"', '"');
}
