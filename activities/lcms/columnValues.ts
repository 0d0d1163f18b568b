import { DateTime } from 'luxon';

import type { CopyValue } from '../postgres/copyText.ts';
import type { ColumnSource, ColumnType, ContentColumn } from './learningContent.contract.ts';

type Unfit = { message: string };
type Item = Readonly<Record<string, unknown>>;

/** A value for the column, or what is wrong with the field it comes from. */
export type Reading = { value: CopyValue } | (Unfit & { field: string });

/**
 * What the item gives for the column. A missing value is null; for a plain boolean it is a fault, since the column takes no
 * null and false would be our invention.
 */
export function readColumn(item: Item, { type, notNull, from }: ContentColumn): Reading {
  const looked = lookUp(item, from);
  if ('message' in looked) return looked;
  const { field, found } = looked;
  // An array in a scalar column stands for its first element.
  const given = Array.isArray(found) && type !== 'text[]' ? (found[0] as unknown) : found;
  if (given === undefined || given === null) return notNull ? { field, message: 'is missing' } : { value: null };
  const read = type === 'text[]' ? readList(given) : readScalar(type, given);
  return 'message' in read ? { field, ...read } : read;
}

function lookUp(item: Item, from: ColumnSource): { field: string; found: unknown } | (Unfit & { field: string }) {
  if ('field' in from) return { field: from.field, found: item[from.field] };
  if ('french' in from) return lookUpFrench(item, from.french);
  if ('fieldOrFrench' in from) {
    const found = item[from.fieldOrFrench] ?? null;
    return found === null ? lookUpFrench(item, from.fieldOrFrench) : { field: from.fieldOrFrench, found };
  }
  if ('hasValue' in from) return { field: from.hasValue, found: !isEmpty(item[from.hasValue]) };
  if ('flag' in from) return { field: from.flag, found: item[from.flag] ?? false };
  if ('listOf' in from) {
    const given = item[from.listOf];
    const one = (Array.isArray(given) ? (given[0] as unknown) : given) ?? null;
    return { field: from.listOf, found: one === null ? [] : [one] };
  }
  return { field: '', found: from.constant };
}

function lookUpFrench(item: Item, name: string): { field: string; found: unknown } | (Unfit & { field: string }) {
  const field = `${name}_i18n`;
  const texts = item[field] ?? null;
  if (texts === null) return { field, found: null };
  if (!isItem(texts)) return { field, ...unfit('an object with one text per language', texts) };
  return { field: `${field}.fr`, found: texts.fr };
}

function readList(given: unknown): { value: string[] } | Unfit {
  if (!Array.isArray(given)) return unfit('an array of texts', given);
  const texts: string[] = [];
  for (const [place, element] of (given as unknown[]).entries()) {
    const read = readText(element);
    if ('message' in read) return { message: `element ${place} ${read.message}` };
    texts.push(read.value);
  }
  return { value: texts };
}

function readScalar(type: Exclude<ColumnType, 'text[]'>, given: unknown): { value: string | number | boolean } | Unfit {
  switch (type) {
    case 'text':
      return readText(given);
    case 'boolean':
      return typeof given === 'boolean' ? { value: given } : unfit('true or false', given);
    case 'smallint':
      return isNumber(given) && Number.isInteger(Number(given)) && Number(given) >= -32_768 && Number(given) <= 32_767
        ? { value: Number(given) }
        : unfit('a whole number from -32768 to 32767', given);
    case 'numeric':
      return isNumber(given) ? { value: given } : unfit('a number', given);
    case 'numeric(6,5)':
      // The column rounds to five places before it looks at the size.
      return isNumber(given) && Math.abs(Number(Number(given).toFixed(5))) < 10
        ? { value: given }
        : unfit('a number between -10 and 10', given);
    case 'timestamptz':
      return readInstant(given);
  }
}

/** A number or boolean stands as its text, as the database would write it. */
function readText(given: unknown): { value: string } | Unfit {
  const text = typeof given === 'number' || typeof given === 'boolean' ? String(given) : given;
  if (typeof text !== 'string') return unfit('a text', given);
  return text.includes('\0') ? { message: 'holds a NUL character, which PostgreSQL cannot keep' } : { value: text };
}

/** An instant without an offset is taken as UTC, whatever the time zone of the server. */
function readInstant(given: unknown): { value: string } | Unfit {
  const shape =
    typeof given === 'string' && /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?<offset>Z|[+-]\d\d(?::?\d\d)?)?)?$/i.exec(given);
  if (!shape) return unfit('an ISO 8601 instant', given);
  const text = shape[0].replace(' ', 'T');
  const instant = DateTime.fromISO(text, { zone: 'utc' });
  if (!instant.isValid) return unfit('an ISO 8601 instant', given);
  return { value: shape.groups?.offset ? text : instant.toISO() };
}

function isNumber(given: unknown): given is number | string {
  if (typeof given === 'number') return Number.isFinite(given);
  return typeof given === 'string' && /^[+-]?\d+(\.\d+)?(e[+-]?\d{1,3})?$/i.test(given) && Number.isFinite(Number(given));
}

function isEmpty(given: unknown): boolean {
  return given === undefined || given === null || given === '' || given === false || (Array.isArray(given) && given.length === 0);
}

export function isItem(given: unknown): given is Item {
  return typeof given === 'object' && given !== null && !Array.isArray(given);
}

function unfit(expected: string, seen: unknown): Unfit {
  return { message: `must be ${expected}, is ${inWords(seen)}` };
}

const excerptCharactersMax = 40;

/** A value in a message: short, on one line. */
export function inWords(seen: unknown): string {
  if (Array.isArray(seen)) return `an array of ${seen.length}`;
  if (typeof seen === 'object' && seen !== null) return 'an object';
  if (typeof seen !== 'string') return String(seen);
  const characters = Array.from(seen);
  const excerpt = characters.slice(0, excerptCharactersMax).join('');
  return `the text ${JSON.stringify(excerpt)}${characters.length > excerptCharactersMax ? ' …' : ''}`;
}
