export const newline = 0x0a;
export const carriageReturn = 0x0d;
export const blank = 0x20;
export const quote = 0x22;
export const backslash = 0x5c;
export const openBrace = 0x7b;

/** A view compares and reads several bytes at a time. Its length stands beside it because asking the view for it costs as much as a search. */
export interface Bytes {
  view: DataView;
  length: number;
}

export function viewOf(buffer: Buffer): Bytes {
  return { view: new DataView(buffer.buffer, buffer.byteOffset, buffer.length), length: buffer.length };
}

/** -1: no digit. */
export function digitAt(view: DataView, place: number): number {
  const code = view.getUint8(place);
  return code >= 0x30 && code <= 0x39 ? code - 0x30 : -1;
}

/** The places are to lie within. */
export function isSame(view: DataView, place: number, other: DataView, otherPlace: number, length: number): boolean {
  let done = 0;
  for (; done + 4 <= length; done += 4) if (view.getInt32(place + done) !== other.getInt32(otherPlace + done)) return false;
  for (; done < length; done += 1) if (view.getUint8(place + done) !== other.getUint8(otherPlace + done)) return false;
  return true;
}

export function standsAt({ view, length }: Bytes, place: number, text: Bytes): boolean {
  return place + text.length <= length && isSame(view, place, text.view, 0, text.length);
}
