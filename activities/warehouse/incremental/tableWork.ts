import type pg from 'pg';

import { literal, qualified, quoted } from '../../postgres/identifiers.ts';
import type { PipeEnds } from '../../postgres/pipeRows.ts';
import type { IncrementalCopy, IncrementalTableSetting } from './incremental.contract.ts';
import type { SourceSnapshot } from './sourceSnapshot.ts';
import type { TableAddress, TableState } from './state.ts';
import type { RowForm } from './tableFacts.ts';

export interface TableProgress {
  table: string;
  phase: string;
  /** Of this attempt. */
  rows: number;
  chunks: number;
  key: string | null;
}

/** Both ends of a copy, open at once. */
export interface Ends extends PipeEnds {
  copy: IncrementalCopy;
}

/** One table in the middle of its copy: both ends open, the source in one snapshot. */
export interface TableWork extends Ends {
  setting: IncrementalTableSetting;
  address: TableAddress;
  form: RowForm;
  snapshot: SourceSnapshot;
  /** As it stands in the target; replaced after each transaction. */
  state: TableState;
  progress: TableProgress;
}

export function sourceTable({ copy, setting }: TableWork): string {
  return qualified(copy.schema, setting.name);
}

export function targetTable({ address }: TableWork): string {
  return qualified(address.place, address.table);
}

/** A key as it stands in SQL. */
export function keyLiteral({ form }: TableWork, key: string): string {
  return `${literal(key)}::${form.keyType}`;
}

/** Condition for keys above `from` up to `to`; null is open. */
export function between(work: TableWork, from: string | null, to: string | null): string {
  const key = quoted(work.form.key);
  const conditions = [
    ...(from === null ? [] : [`${key} > ${keyLiteral(work, from)}`]),
    ...(to === null ? [] : [`${key} <= ${keyLiteral(work, to)}`]),
  ];
  return conditions.length > 0 ? conditions.join(' and ') : 'true';
}

/** Column that tells two states of a row apart, as text; null without one. */
export function stampOf({ setting }: TableWork, prefix = ''): string {
  return setting.updatedAt === null ? 'null::text' : `${prefix}${quoted(setting.updatedAt)}::text`;
}

/** Highest key of a table, read from the end of its index; null for an empty table. */
export async function highestKey(client: pg.ClientBase, table: string, key: string): Promise<string | null> {
  const { rows } = await client.query<{ key: string }>(
    `select ${quoted(key)}::text as key from ${table} where ${quoted(key)} is not null order by ${quoted(key)} desc limit 1`,
  );
  return rows[0]?.key ?? null;
}
