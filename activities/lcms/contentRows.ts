import type { CopyValue } from '../postgres/copyText.ts';
import { failure } from '../failure.ts';
import { faultInWords } from './checkLearningContent.ts';
import { inWords, isItem, readColumn } from './columnValues.ts';
import type { ContentTableName } from './learningContent.contract.ts';
import { contentTables } from './tables.ts';

/** One row per item, values in the order of the table's columns; text[] columns hold real arrays. Throws LearningContentInvalid at the first fault. */
export function learningContentRows(table: ContentTableName, items: readonly unknown[]): CopyValue[][] {
  const { columns } = contentTables[table];
  return items.map((item, index) => {
    const invalid = (field: string | null, message: string): Error =>
      failure('LearningContentInvalid', faultInWords({ table, index, id: null, field, message }));
    if (!isItem(item)) throw invalid(null, `must be an object, is ${inWords(item)}`);
    return columns.map((column) => {
      const reading = readColumn(item, column);
      if (!('value' in reading)) throw invalid(reading.field, reading.message);
      return reading.value;
    });
  });
}
