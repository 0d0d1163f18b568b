import { blank, digitAt, newline, openBrace, quote, standsAt, viewOf, type Bytes } from './logBytes.ts';

const minuteMs = 60_000;
const dash = 0x2d;
const colon = 0x3a;

/** Time of a line: as an instant, and the day as the line writes it. */
export interface LineTime {
  atMs: number;
  /** YYYY-MM-DD as one number, for example 20210108. */
  day: number;
  /** Place in the log behind the time. */
  end: number;
}

/**
 * Reads the time of the line that begins at `begin` and ends with a newline: a date and time at its beginning, with or without an offset (none: UTC),
 * else the field "time" of a JSON object. Writes into `into`, which saves an object per line; answers false when there is neither.
 */
export function readLineTime(log: Bytes, begin: number, into: LineTime): boolean {
  return log.view.getUint8(begin) === openBrace ? readJsonTime(log, begin, into) : readInstant(log, begin, into);
}

const timeField = viewOf(Buffer.from('"time":'));

function readJsonTime(log: Bytes, begin: number, into: LineTime): boolean {
  const { view } = log;
  // Messages escape their quotes, so the field cannot be a part of one.
  let field = begin;
  while (view.getUint8(field) !== newline) field += 1;
  while (field > begin && !standsAt(log, field, timeField)) field -= 1;
  if (field <= begin) return false;
  let place = field + timeField.length;
  while (view.getUint8(place) === blank) place += 1;
  if (view.getUint8(place) === quote) return readInstant(log, place + 1, into);
  let epochMs = 0;
  const from = place;
  for (let digit = digitAt(view, place); digit >= 0; digit = digitAt(view, ++place)) epochMs = epochMs * 10 + digit;
  if (place - from < 12 || place - from > 14) return false;
  const at = new Date(epochMs);
  into.end = place;
  into.atMs = epochMs;
  into.day = at.getUTCFullYear() * 10_000 + (at.getUTCMonth() + 1) * 100 + at.getUTCDate();
  return true;
}

/** YYYY-MM-DD, a blank or T, HH:MM:SS, a fraction or none, an offset or none, perhaps after a blank: Z, +HH:MM, +HHMM. */
function readInstant(log: Bytes, begin: number, into: LineTime): boolean {
  const { view } = log;
  if (log.length - begin < 20 || (!standsAt(log, begin, minute.text) && !readMinute(view, begin))) return false;
  const second = twoDigits(view, begin + 17);
  if (view.getUint8(begin + 16) !== colon || second < 0 || second > 60) return false;
  let place = begin + 19;
  let fractionMs = 0;
  if (view.getUint8(place) === 0x2e || view.getUint8(place) === 0x2c) {
    let unit = 100;
    for (let digit = digitAt(view, ++place); digit >= 0; digit = digitAt(view, ++place)) {
      fractionMs += digit * unit;
      unit = unit > 1 ? unit / 10 : 0;
    }
  }
  into.end = place;
  into.day = minute.day;
  into.atMs = minute.atMs + (second * 1000 + fractionMs - offsetMs(view, place));
  return true;
}

/** The last one that was read, as the log wrote it: the lines that follow are mostly of the same. */
const minute = { text: viewOf(Buffer.from('1970-01-01 00:00')), day: 19_700_101, atMs: 0 };

function readMinute(view: DataView, begin: number): boolean {
  const separators = view.getUint8(begin + 4) === dash && view.getUint8(begin + 7) === dash && view.getUint8(begin + 13) === colon;
  const between = view.getUint8(begin + 10);
  if (!separators || (between !== blank && between !== 0x54)) return false;
  const year = twoDigits(view, begin) * 100 + twoDigits(view, begin + 2);
  const month = twoDigits(view, begin + 5);
  const day = twoDigits(view, begin + 8);
  const hours = twoDigits(view, begin + 11);
  const minutes = twoDigits(view, begin + 14);
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31) return false;
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
  for (let index = 0; index < minute.text.length; index += 1) minute.text.view.setUint8(index, view.getUint8(begin + index));
  minute.day = year * 10_000 + month * 100 + day;
  minute.atMs = Date.UTC(year, month - 1, day, hours, minutes);
  return true;
}

function offsetMs(view: DataView, begin: number): number {
  const place = view.getUint8(begin) === blank ? begin + 1 : begin;
  const sign = view.getUint8(place) === 0x2b ? 1 : view.getUint8(place) === dash ? -1 : 0;
  if (sign === 0) return 0;
  const hours = twoDigits(view, place + 1);
  if (hours < 0 || hours > 15) return 0;
  const minutes = twoDigits(view, view.getUint8(place + 3) === colon ? place + 4 : place + 3);
  return sign * (hours * 60 + (minutes >= 0 && minutes <= 59 ? minutes : 0)) * minuteMs;
}

/** Far below zero, whatever is added to it: no number. Nothing behind the first byte that is no digit is looked at. */
function twoDigits(view: DataView, place: number): number {
  const tens = digitAt(view, place);
  if (tens < 0) return -1_000_000;
  const ones = digitAt(view, place + 1);
  return ones < 0 ? -1_000_000 : tens * 10 + ones;
}
