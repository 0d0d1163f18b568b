import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/** A value as COPY takes it: numbers may come as text, instants as ISO 8601 with an offset. */
export type CopyValue = string | number | boolean | null | readonly string[];

const charactersPerChunk = 65_536;

/**
 * Fills a table that was made in the transaction under way, and answers the number of rows. They are written frozen: a reader whose snapshot is older would else
 * find the table empty once it has taken the place of another. @param relation as it stands in SQL.
 */
export async function fillTable(
  client: pg.ClientBase,
  relation: string,
  rows: Iterable<readonly CopyValue[]>,
  signal?: AbortSignal,
): Promise<number> {
  const copy = client.query(copyFrom(`copy ${relation} from stdin with (freeze)`));
  await pipeline(Readable.from(copyText(rows)), copy, signal ? { signal } : {});
  return copy.rowCount;
}

/** Rows in PostgreSQL's COPY text format, in pieces of about 64 kB. */
export function* copyText(rows: Iterable<readonly CopyValue[]>): Generator<string> {
  let chunk = '';
  for (const row of rows) {
    chunk += `${row.map(field).join('\t')}\n`;
    if (chunk.length < charactersPerChunk) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}

function field(value: CopyValue): string {
  if (value === null) return '\\N';
  if (typeof value === 'boolean') return value ? 't' : 'f';
  return escape(Array.isArray(value) ? arrayLiteral(value) : String(value));
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function escape(text: string): string {
  return text.replace(/[\\\t\n\r]/g, (character) => escapes[character] ?? character);
}

/** Every element quoted, so that commas, braces, blanks and the word NULL are text. */
export function arrayLiteral(elements: readonly string[]): string {
  return `{${elements.map((element) => `"${element.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
