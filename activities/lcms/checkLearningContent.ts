import { inWords, isItem, readColumn } from './columnValues.ts';
import {
  contentTableNames,
  type CheckedLearningContent,
  type ContentFault,
  type ContentTableName,
  type LearningContent,
} from './learningContent.contract.ts';
import { contentTables } from './tables.ts';

/**
 * Judges the whole answer before anything is changed; every fault at once. What the old tool let pass or found half-way
 * is a fault here: an empty answer, a missing array, an item without id, two items with one id, a value that does not fit its column.
 */
export function checkLearningContent(body: unknown): CheckedLearningContent {
  const whole = (message: string): CheckedLearningContent => ({
    content: null,
    faults: [{ table: null, index: null, id: null, field: null, message }],
  });
  if (body === undefined || body === null || body === '') return whole('the answer is empty');
  if (!isItem(body)) return whole(`the answer must be an object with one array per table, is ${inWords(body)}`);
  const faults = contentTableNames.flatMap((table) => checkTable(table, body[table]));
  if (faults.length > 0) return { content: null, faults };
  if (!isWhole(body)) return whole('the answer lacks an array');
  if (contentTableNames.every((table) => body[table].length === 0)) return whole('the answer is empty: all eight arrays are');
  return { content: body, faults: [] };
}

function checkTable(table: ContentTableName, items: unknown): ContentFault[] {
  const of = (message: string): ContentFault => ({ table, index: null, id: null, field: null, message });
  if (items === undefined) return [of('the array is missing')];
  if (!Array.isArray(items)) return [of(`must be an array, is ${inWords(items)}`)];
  const seen = new Map<string, number>();
  return (items as unknown[]).flatMap((item, index) => checkItem(table, item, index, seen));
}

function checkItem(table: ContentTableName, item: unknown, index: number, seen: Map<string, number>): ContentFault[] {
  const at = { table, index, id: null };
  if (!isItem(item)) return [{ ...at, field: null, message: `must be an object, is ${inWords(item)}` }];
  const id = typeof item.id === 'string' && item.id !== '' ? item.id : null;
  const faults: ContentFault[] = [];
  if (id === null)
    faults.push({ ...at, field: 'id', message: item.id === undefined ? 'is missing' : `must be a text, is ${inWords(item.id)}` });
  else {
    const before = seen.get(id);
    if (before !== undefined) faults.push({ ...at, id, field: 'id', message: `is that of item ${before} too` });
    seen.set(id, index);
  }
  const told = new Set<string>(['id']);
  for (const column of contentTables[table].columns) {
    const reading = readColumn(item, column);
    // A field that feeds several columns is told once.
    if ('value' in reading || told.has(reading.field)) continue;
    told.add(reading.field);
    faults.push({ ...at, id, ...reading });
  }
  return faults;
}

function isWhole(body: object): body is LearningContent {
  const given = body as Readonly<Record<string, unknown>>;
  return contentTableNames.every((table) => Array.isArray(given[table]));
}

/** For example `challenges[17].timer (recAbc): must be …`. */
export function faultInWords({ table, index, id, field, message }: ContentFault): string {
  if (table === null) return message;
  const place = `${table}${index === null ? '' : `[${index}]`}${field === null ? '' : `.${field}`}`;
  return `${place}${id === null ? '' : ` (${id})`}: ${message}`;
}
