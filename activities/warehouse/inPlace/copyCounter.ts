import { failure } from '../../failure.ts';
import type { DumpContent } from './workFiles.ts';

export interface CopyCounter {
  /** @returns rows seen so far. */
  push(chunk: Buffer): number;
  /** `open`: the table in whose rows the text ended. */
  end(): { content: DumpContent; open: string | null };
}

const newline = 0x0a;
const endOfRows = Buffer.from('\\.\n');
const endAfterRow = Buffer.from('\n\\.\n');
const name = String.raw`(?:"(?:[^"]|"")+"|[^\s."(]+)`;
const copyLine = new RegExp(`^COPY (?:${name}\\.)?(${name}) .*FROM stdin;$`);
const positionLine = /^SELECT pg_catalog\.setval\('(.+)', (\d+|-\d+), (true|false)\);$/;

/**
 * Counts the rows of a script that pg_restore writes: in COPY text a newline is always the end of a row. Rows are not cut into lines: ends are looked for in
 * whole chunks.
 */
export function openCopyCounter(): CopyCounter {
  const content: DumpContent = { rows: {}, sequences: {} };
  let table: string | null = null;
  let rows = 0;
  let total = 0;
  let atLineStart = true;
  let carry: Buffer = Buffer.alloc(0);

  const readLine = (line: string): void => {
    const [, copied] = copyLine.exec(line) ?? [];
    if (copied !== undefined) {
      [table, rows] = [unquoted(copied), 0];
      return;
    }
    if (line.startsWith('COPY ')) throw failure('ArchiveFailed', `a line of the dump is not understood: ${line.slice(0, 200)}`);
    const [, sequence, last, called] = positionLine.exec(line) ?? [];
    if (sequence !== undefined && last !== undefined)
      content.sequences[lastIdentifier(sequence.replaceAll("''", "'"))] = { last, called: called === 'true' };
  };
  const count = (buffer: Buffer, from: number, to: number): void => {
    let found = 0;
    for (let at = from; at < to; at += 1) if (buffer[at] === newline) found += 1;
    rows += found;
    total += found;
  };

  return {
    push(chunk) {
      const buffer = carry.length > 0 ? Buffer.concat([carry, chunk]) : chunk;
      carry = Buffer.alloc(0);
      let at = 0;
      while (at < buffer.length) {
        if (table === null) {
          const end = buffer.indexOf(newline, at);
          if (end === -1) {
            carry = Buffer.from(buffer.subarray(at));
            break;
          }
          readLine(buffer.toString('utf8', at, end));
          at = end + 1;
          continue;
        }
        if (!atLineStart) {
          const end = buffer.indexOf(newline, at);
          if (end === -1) break;
          count(buffer, at, end + 1);
          at = end + 1;
          atLineStart = true;
          continue;
        }
        const rest = buffer.length - at;
        if (endOfRows.subarray(0, Math.min(rest, endOfRows.length)).equals(buffer.subarray(at, at + Math.min(rest, endOfRows.length)))) {
          if (rest < endOfRows.length) {
            carry = Buffer.from(buffer.subarray(at));
            break;
          }
          content.rows[table] = rows;
          table = null;
          at += endOfRows.length;
          continue;
        }
        const end = buffer.indexOf(endAfterRow, at);
        const until = end === -1 ? buffer.lastIndexOf(newline) + 1 : end + 1;
        if (until <= at) {
          atLineStart = false;
          break;
        }
        count(buffer, at, until);
        at = until;
      }
      return total;
    },
    end: () => ({ content, open: table }),
  };
}

function unquoted(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier;
}

/** The name in a text such as `public."Odd_seq"`. */
function lastIdentifier(text: string): string {
  const [found = text] = /(?:"(?:[^"]|"")+"|[^."]+)$/.exec(text) ?? [];
  return unquoted(found);
}
