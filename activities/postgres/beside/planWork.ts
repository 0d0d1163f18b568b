import { qualified, quoted } from '../identifiers.ts';
import { besideSchemas, type BesideCopy, type BesidePlan, type WorkItem, type WorkKind } from './beside.contract.ts';
import type { DumpStatement } from './dumpText.ts';
import type { SourceTable } from './tables.ts';

const { next } = besideSchemas;
/** Tables below this travel together in one item, so that a schema of thousands makes a run of hundreds of steps. */
const smallBytes = 8_000_000;
const groupBytes = 32_000_000;
const groupTables = 50;

/** Divides the work into items with a checkpoint each, the largest first. */
export function planWork(
  copy: BesideCopy,
  tables: readonly SourceTable[],
  statements: readonly DumpStatement[],
): { plan: BesidePlan; statements: string[] } {
  const texts: string[] = [];
  const number = (sql: string): number => texts.push(sql) - 1;
  const warnings: string[] = [];
  const byName = new Map(tables.map((table) => [table.name, table]));
  const groups = groupsOf(tables.filter(({ relkind }) => relkind === 'r'));
  const kept = new Set(copy.kept);

  const make = (kind: WorkKind, id: string, title: string, of: readonly SourceTable[], sql: readonly string[]): WorkItem => ({
    id: `${kind}/${id}`,
    kind,
    title,
    tables: of.map(({ name }) => name),
    statements: sql.map(number),
    bytes: of.reduce((sum, { bytes }) => sum + bytes, 0),
    rows: of.reduce((sum, { rows }) => sum + rows, 0),
  });

  const own = statements.filter(({ kind, relation }) => kind === 'index' && relation !== null && byName.has(relation));
  const extra = copy.extraIndexes
    .filter(({ table, name }) => byName.has(table) && !statements.some((each) => each.kind === 'index' && each.name === name))
    .map(({ name, table, on }) => ({ relation: table, name, sql: `CREATE INDEX ${quoted(name)} ON ${qualified(next, table)} ${on}` }));
  const indexes = groups.flatMap((group, index) => {
    const names = new Set(group.map(({ name }) => name));
    const mine = [...own, ...extra].filter(({ relation }) => names.has(relation ?? ''));
    const [only] = group;
    // A large table's indexes are built side by side, a group of small ones in one item.
    if (only && group.length === 1 && only.bytes >= smallBytes)
      return mine.map(({ name, sql }) => make('index', name ?? '', `index ${name ?? ''} on ${only.name}`, [only], [sql]));
    return mine.length === 0
      ? []
      : [
          make(
            'index',
            `group-${index}`,
            `${mine.length} indexes and keys of ${inWords(group)}`,
            group,
            mine.map(({ sql }) => sql),
          ),
        ];
  });
  const parents = own.filter(({ relation }) => byName.get(relation ?? '')?.relkind === 'p');
  if (parents.length > 0)
    indexes.push(
      make(
        'index',
        'parents',
        `${parents.length} indexes of partitioned tables`,
        [],
        parents.map(({ sql }) => sql),
      ),
    );

  const keys = statements.filter(({ kind }) => kind === 'foreignKey');
  const toKept = keys.filter(({ references }) => references !== null && kept.has(references));
  if (copy.foreignKeys && toKept.length > 0)
    warnings.push(`foreign keys to kept tables are not made: ${toKept.map(({ relation, name }) => `${name} on ${relation}`).join(', ')}`);
  const foreignKeys = copy.foreignKeys
    ? keys
        .filter((key) => !toKept.includes(key))
        .map(({ relation, name, sql }) => {
          const table = byName.get(relation ?? '');
          return make(
            'foreignKey',
            `${relation ?? ''}/${name ?? ''}`,
            `foreign key ${name ?? ''} on ${relation ?? ''}`,
            table ? [table] : [],
            [sql],
          );
        })
    : [];

  const attach = statements.filter(({ kind }) => kind === 'attach');
  const last = statements.filter((each) => each.kind === 'finish' || (each.kind === 'index' && !own.includes(each)));
  const plan: BesidePlan = {
    copies: groups.map((group, index) => {
      const [only] = group;
      return only && group.length === 1
        ? make('copy', only.name, `copy ${only.name}`, group, [])
        : make('copy', `group-${index}`, `copy ${inWords(group)}`, group, []);
    }),
    indexes,
    attaches:
      attach.length > 0
        ? [
            make(
              'attach',
              'all',
              `join ${attach.length} indexes of partitions to their parents`,
              [],
              attach.map(({ sql }) => sql),
            ),
          ]
        : [],
    foreignKeys: [...foreignKeys].sort((a, b) => b.bytes - a.bytes),
    finish:
      last.length > 0
        ? [
            make(
              'finish',
              'all',
              `${last.length} triggers, rules, comments and materialized views`,
              [],
              last.map(({ sql }) => sql),
            ),
          ]
        : [],
    analyze: groups.map((group, index) => {
      const [only] = group;
      return make(
        'analyze',
        only && group.length === 1 ? only.name : `group-${index}`,
        `statistics of ${inWords(group)}`,
        group,
        group.map(({ name }) => `ANALYZE ${qualified(next, name)}`),
      );
    }),
    warnings,
  };
  return { plan, statements: texts };
}

function groupsOf(tables: readonly SourceTable[]): SourceTable[][] {
  const large = tables.filter(({ bytes }) => bytes >= smallBytes).map((table) => [table]);
  const groups: SourceTable[][] = [];
  let bytes = 0;
  for (const table of tables.filter((each) => each.bytes < smallBytes)) {
    const last = groups.at(-1);
    if (!last || last.length >= groupTables || bytes + table.bytes > groupBytes) {
      groups.push([table]);
      bytes = table.bytes;
    } else {
      last.push(table);
      bytes += table.bytes;
    }
  }
  return [...large, ...groups];
}

function inWords(tables: readonly SourceTable[]): string {
  const [first] = tables;
  return tables.length === 1 && first ? first.name : `${tables.length} tables (${first?.name ?? ''}, …)`;
}
