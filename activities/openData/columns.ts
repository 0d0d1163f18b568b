import { failure } from '../failure.ts';
import type { OpenDataColumn, OpenDataType } from './openData.contract.ts';
import type { OpenDataRecord } from './fetchOpenData.ts';

const nameBytesMax = 63;
const faultsToldMax = 10;

/**
 * A column for every field that any record has, in order of appearance: numeric, boolean or jsonb when all its values are such, else text. A column
 * without any value has the type it has in the former table, so that a week without values changes nothing.
 * Fails with HttpUnexpectedAnswer, naming row and field.
 */
export function columnsOf(records: readonly OpenDataRecord[], former: ReadonlyMap<string, string>): OpenDataColumn[] {
  const types = new Map<string, Set<OpenDataType>>();
  const faults: string[] = [];
  for (const [row, record] of records.entries())
    for (const [name, value] of Object.entries(record)) {
      let seen = types.get(name);
      if (!seen) {
        types.set(name, (seen = new Set()));
        if (name === '' || name.includes('\0') || Buffer.byteLength(name) > nameBytesMax)
          faults.push(`row ${row}: ${JSON.stringify(name.slice(0, 80))} cannot be the name of a column`);
      }
      if (value === null) continue;
      const type = typeOf(value);
      seen.add(type);
      if (type !== 'numeric' && type !== 'boolean' && JSON.stringify(value).includes('\\u0000'))
        faults.push(`row ${row}, field ${name}: holds a NUL character`);
    }
  if (types.size === 0) faults.push('the records have no fields');
  if (faults.length > 0)
    throw failure(
      'HttpUnexpectedAnswer',
      `the open data has ${faults.length} faults: ${faults.slice(0, faultsToldMax).join('; ')}${faults.length > faultsToldMax ? '; …' : ''}`,
      { faultCount: faults.length },
    );
  return [...types].map(([name, seen]) => {
    const [type] = seen;
    return { name, type: seen.size === 0 ? (former.get(name) ?? 'text') : seen.size === 1 && type ? type : 'text' };
  });
}

function typeOf(value: unknown): OpenDataType {
  if (typeof value === 'number') return 'numeric';
  if (typeof value === 'boolean') return 'boolean';
  return typeof value === 'string' ? 'text' : 'jsonb';
}

/** Values in the order of the columns, as COPY takes them. */
export function* rowsOf(
  records: readonly OpenDataRecord[],
  columns: readonly OpenDataColumn[],
): Generator<(string | number | boolean | null)[]> {
  for (const record of records)
    yield columns.map(({ name }) => {
      const value = record[name];
      if (value === undefined || value === null) return null;
      return typeof value === 'object' ? JSON.stringify(value) : (value as string | number | boolean);
    });
}
