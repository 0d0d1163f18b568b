import type { ItemText } from './itemText.ts';
import { readLineTime, type LineTime } from './lineTime.ts';
import { blank, digitAt, isSame, newline, openBrace, viewOf } from './logBytes.ts';
import { findMarker, type FoundMarker } from './markerSearch.ts';
import type { Milestone } from './markers.ts';

/** What is handed over is used again for the next line. */
export interface LogEvents {
  milestone(milestone: Milestone, time: LineTime): void;
  launched(id: number, text: ItemText, time: LineTime): void;
  finished(id: number, time: LineTime): void;
  withoutTime(): void;
}

const lineBytesMax = 1024 * 1024;
/** Between the words of a French pg_restore and the item's number there is one word, however its accents came through. */
const wordBytesMax = 24;
const idDigitsMax = 10;
const endOfLine = Buffer.from([newline]);

/**
 * Finds the markers in a log that comes in chunks of any size. Only a line with a marker is looked at, and nothing is made of it that would have to be
 * thrown away again. Memory does not grow with the log; of a line longer than 1 MB the end is left out.
 */
export function createLogScanner(events: LogEvents): { push(chunk: Buffer): void; end(): void; lastTime(): LineTime | null } {
  const time: LineTime = { atMs: 0, day: 0, end: 0 };
  const looked: LineTime = { atMs: 0, day: 0, end: 0 };
  const last: LineTime = { atMs: Number.NaN, day: 0, end: 0 };
  const found: FoundMarker = { marker: null, at: 0, end: 0 };
  let log = viewOf(endOfLine);
  const text: ItemText = { log, from: 0, inJson: false };
  /** The line of the last marker that counted; -1: none yet. */
  const line = { begin: -1, markerAt: 0, hasTime: false };
  let tail: Buffer | null = null;

  /** Whole lines only, each with its newline: what reads forward stops there. */
  function scan(bytes: Buffer): void {
    log = viewOf(bytes);
    text.log = log;
    line.begin = -1;
    line.markerAt = 0;
    line.hasTime = false;
    for (let from = 0; findMarker(log, from, found); from = found.end) {
      const { marker, at, end } = found;
      if (marker?.kind === 'milestone') reachMilestone(marker.milestone, at, bytes);
      else if (marker) reachItem(marker.kind, at, end);
    }
    rememberLast(bytes, bytes.length);
  }

  function reachMilestone(milestone: Milestone, at: number, bytes: Buffer): void {
    enterLine(at);
    if (!line.hasTime) return events.withoutTime();
    // The end of a run is judged by the line before its successor's first.
    rememberLast(bytes, line.begin);
    events.milestone(milestone, time);
  }

  function reachItem(kind: 'launched' | 'finished', at: number, end: number): void {
    const idAt = findId(log.view, end);
    if (idAt === -1) return;
    enterLine(at);
    if (!line.hasTime) return events.withoutTime();
    let place = idAt;
    let id = 0;
    for (let digit = digitAt(log.view, place); digit >= 0; digit = digitAt(log.view, ++place)) id = id * 10 + digit;
    text.from = place;
    if (kind === 'launched') events.launched(id, text, time);
    else events.finished(id, time);
  }

  function enterLine(at: number): void {
    const column = line.markerAt - line.begin;
    if (line.hasTime && isLikeFormer(at)) line.begin = at - column;
    else {
      const begin = beginOfLine(at);
      if (begin !== line.begin) line.hasTime = readLineTime(log, begin, time);
      line.begin = begin;
    }
    line.markerAt = at;
  }

  /**
   * Whether the same words as in the former line stand between a time and this marker: then its line begins as far before it, there is no newline between,
   * and nothing more is to be looked for. Reads the time.
   */
  function isLikeFormer(at: number): boolean {
    const begin = at - (line.markerAt - line.begin);
    const timeBytes = time.end - line.begin;
    const wordBytes = line.markerAt - time.end;
    if (begin <= line.markerAt || wordBytes < 0 || log.view.getUint8(begin - 1) !== newline) return false;
    if (!isSame(log.view, at - wordBytes, log.view, time.end, wordBytes)) return false;
    return readLineTime(log, begin, time) && time.end - begin === timeBytes;
  }

  /** Steps back from a marker, not further than the marker before: it may be in the same line. Notes whether JSON has begun. */
  function beginOfLine(at: number): number {
    let place = at;
    let hasBrace = false;
    for (; place > line.markerAt; place -= 1) {
      const code = log.view.getUint8(place - 1);
      if (code === newline) break;
      if (code === openBrace) hasBrace = true;
    }
    const isSameLine = place === line.markerAt && line.begin !== -1;
    text.inJson = hasBrace || (isSameLine && text.inJson);
    return isSameLine ? line.begin : place;
  }

  /** Looks back from `upTo` for the last line with a time; what has none, for example the rest of a message, is passed over. */
  function rememberLast(bytes: Buffer, upTo: number): void {
    for (let end = upTo; end > 0;) {
      const begin = end < 2 ? 0 : bytes.lastIndexOf(newline, end - 2) + 1;
      if (readLineTime(log, begin, looked)) {
        last.atMs = looked.atMs;
        last.day = looked.day;
        return;
      }
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
      if (tail) scan(Buffer.concat([tail, endOfLine]));
      tail = null;
    },
    lastTime: () => (Number.isNaN(last.atMs) ? null : { ...last }),
  };
}

/** Place of the item's number, at once or after one word; -1 when this is no item. */
function findId(view: DataView, from: number): number {
  let place = from;
  while (digitAt(view, place) < 0 || (place > from && view.getUint8(place - 1) !== blank)) {
    place += 1;
    if (place - from === wordBytesMax || view.getUint8(place - 1) === newline) return -1;
  }
  let after = place;
  while (digitAt(view, after) >= 0) after += 1;
  return after - place <= idDigitsMax ? place : -1;
}
