import { qualified, quoted } from '../postgres/identifiers.ts';
import type { ContentTable } from './learningContent.contract.ts';

export function createTableSql(schema: string, { name, columns }: ContentTable): string {
  const lines = columns.map(
    (column) => `${quoted(column.name)} ${column.type}${column.name === 'id' ? ' primary key' : column.notNull ? ' not null' : ''}`,
  );
  return `create table ${qualified(schema, name)} (${lines.join(', ')})`;
}

/** Null when the table has none besides its primary key. */
export function createIndexSql(schema: string, { name, index }: ContentTable): string | null {
  return index === undefined ? null : `create index ${quoted(`${name}_${index}_idx`)} on ${qualified(schema, name)} (${quoted(index)})`;
}
