const minuteMs = 60_000;

/** Time of a line: as an instant, and the day as the line writes it. */
export interface LineTime {
  atMs: number;
  /** YYYY-MM-DD as one number, for example 20210108. */
  day: number;
}

/**
 * Reads the time of the line that lies in `bytes` from `begin` to `end`: a date and time at its beginning, with or without an offset (none: UTC),
 * else the field "time" of a JSON object. Writes into `into`, which saves an object per line; answers false when there is neither.
 */
export function readLineTime(bytes: Buffer, begin: number, end: number, into: LineTime): boolean {
  if (bytes[begin] === 0x7b) return readJsonTime(bytes, begin, end, into);
  return readInstant(bytes, begin, end, into);
}

const timeField = Buffer.from('"time":');

function readJsonTime(bytes: Buffer, begin: number, end: number, into: LineTime): boolean {
  // Messages escape their quotes, so the field cannot be a part of one.
  const field = bytes.subarray(begin, end).lastIndexOf(timeField);
  if (field === -1) return false;
  let place = begin + field + timeField.length;
  while (bytes[place] === 0x20) place += 1;
  if (bytes[place] === 0x22) return readInstant(bytes, place + 1, end, into);
  let epochMs = 0;
  let digits = 0;
  for (let digit = digitAt(bytes, place); digit >= 0 && place < end; digit = digitAt(bytes, ++place), digits += 1)
    epochMs = epochMs * 10 + digit;
  if (digits < 12 || digits > 14) return false;
  const at = new Date(epochMs);
  into.atMs = epochMs;
  into.day = at.getUTCFullYear() * 10_000 + (at.getUTCMonth() + 1) * 100 + at.getUTCDate();
  return true;
}

/** YYYY-MM-DD, a blank or T, HH:MM:SS, a fraction or none, an offset or none, perhaps after a blank: Z, +HH:MM, +HHMM. */
function readInstant(bytes: Buffer, begin: number, end: number, into: LineTime): boolean {
  if (end - begin < 19) return false;
  const year = twoDigits(bytes, begin) * 100 + twoDigits(bytes, begin + 2);
  const month = twoDigits(bytes, begin + 5);
  const day = twoDigits(bytes, begin + 8);
  const hour = twoDigits(bytes, begin + 11);
  const minute = twoDigits(bytes, begin + 14);
  const second = twoDigits(bytes, begin + 17);
  const separators = bytes[begin + 4] === 0x2d && bytes[begin + 7] === 0x2d && bytes[begin + 13] === 0x3a && bytes[begin + 16] === 0x3a;
  const between = bytes[begin + 10];
  // A digit that is none makes its number NaN, and every comparison false.
  if (!separators || (between !== 0x20 && between !== 0x54)) return false;
  if (!(year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour <= 23 && minute <= 59 && second <= 60)) return false;
  let place = begin + 19;
  let fractionMs = 0;
  if (bytes[place] === 0x2e || bytes[place] === 0x2c) {
    let unit = 100;
    for (let digit = digitAt(bytes, ++place); digit >= 0 && place < end; digit = digitAt(bytes, ++place)) {
      fractionMs += digit * unit;
      unit /= 10;
    }
  }
  into.atMs = Date.UTC(year, month - 1, day, hour, minute, second) + Math.floor(fractionMs + 1e-6) - offsetMs(bytes, place, end);
  into.day = year * 10_000 + month * 100 + day;
  return true;
}

function offsetMs(bytes: Buffer, begin: number, end: number): number {
  const place = bytes[begin] === 0x20 ? begin + 1 : begin;
  const sign = bytes[place] === 0x2b ? 1 : bytes[place] === 0x2d ? -1 : 0;
  if (sign === 0 || place + 3 > end) return 0;
  const hours = twoDigits(bytes, place + 1);
  const minutes = twoDigits(bytes, bytes[place + 3] === 0x3a ? place + 4 : place + 3);
  if (!(hours <= 15)) return 0;
  return sign * (hours * 60 + (minutes <= 59 ? minutes : 0)) * minuteMs;
}

function twoDigits(bytes: Buffer, place: number): number {
  const tens = digitAt(bytes, place);
  const ones = digitAt(bytes, place + 1);
  return tens < 0 || ones < 0 ? Number.NaN : tens * 10 + ones;
}

/** -1: no digit. */
export function digitAt(bytes: Buffer, place: number): number {
  const code = bytes[place] ?? 0;
  return code >= 0x30 && code <= 0x39 ? code - 0x30 : -1;
}
