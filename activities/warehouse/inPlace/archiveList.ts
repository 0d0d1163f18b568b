import type { SourceFacts } from './workFiles.ts';

export interface ListRules {
  foreignKeys: boolean;
  sharedTypes: readonly string[];
  facts: SourceFacts;
  /** Keys of what stands on the target already, and tables that are filled. */
  standing: ReadonlySet<string>;
  filled: ReadonlySet<string>;
}

export interface ChosenList {
  /** For pg_restore's --use-list. */
  text: string;
  items: number;
  stood: number;
  /** Keys (sourceFacts.ts) of what has to stand after the restore. */
  expected: string[];
  /** Tables whose rows the archive has, when they are to be filled. */
  tables: string[];
  /** In words: what is left out against the settings. */
  leftOut: string[];
}

/**
 * What is played of `pg_restore --list`. Entries are told apart by their kind and by the object's identity on the source, never by a
 * pattern over names: `answers` is not `element-answers`, `-` is not `_`, a blank in a name changes nothing. Kept tables are not in the archive.
 */
export function chooseEntries(list: string, { foreignKeys, sharedTypes, facts, standing, filled }: ListRules): ChosenList {
  const chosen: ChosenList = { text: '', items: 0, stood: 0, expected: [], tables: [], leftOut: [] };
  const shared = new Set(sharedTypes);
  const lines = list.split('\n').filter((line) => {
    const [, table, oid, what = ''] = /^\d+; (\d+) (\d+) (.*)$/.exec(line) ?? [];
    if (table === undefined || oid === undefined) return false;
    const id = `${table}/${oid}`;
    // The schema and extensions stand already or are not ours to make.
    if (/^(COMMENT - )?(SCHEMA|EXTENSION) /.test(what) || /^SCHEMA - /.test(what)) return false;
    if (what.startsWith('FK CONSTRAINT ')) {
      if (!foreignKeys) return false;
      const toKept = facts.keysToKept[id];
      if (toKept !== undefined) {
        chosen.leftOut.push(`foreign key ${toKept} to a kept table is not made`);
        return false;
      }
    }
    const type = facts.types[id];
    if (type !== undefined && shared.has(type)) return false;
    const rowsOf = what.startsWith('TABLE DATA ') ? facts.tables[oid] : undefined;
    if (rowsOf !== undefined) chosen.tables.push(rowsOf);
    const part = facts.parts[id];
    if (part !== undefined) chosen.expected.push(part);
    const stands = (part !== undefined && standing.has(part)) || (rowsOf !== undefined && filled.has(rowsOf));
    chosen[stands ? 'stood' : 'items'] += 1;
    return !stands;
  });
  chosen.text = `${lines.join('\n')}\n`;
  return chosen;
}
