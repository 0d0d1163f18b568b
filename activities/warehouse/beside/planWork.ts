import { ownSchemas } from '../warehouse.contract.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import { type BesideCopy, type BesidePlan, type WorkItem, type WorkKind } from './beside.contract.ts';
import type { DumpStatement } from './dumpText.ts';
import type { SourceTable } from './tables.ts';

const { next } = ownSchemas;
/** Tables below this travel together in one item, so that a schema of thousands makes a run of hundreds of steps. */
const smallBytes = 8_000_000;
const groupBytes = 32_000_000;
const groupTables = 50;

interface IndexStatement {
  relation: string | null;
  name: string | null;
  sql: string;
  /** Makes the built index a key: short, and alone, since it locks the table. */
  constraint?: string;
}

/** Divides the work into items with a checkpoint each, the largest first. */
export function planWork(
  copy: BesideCopy,
  tables: readonly SourceTable[],
  statements: readonly DumpStatement[],
): { plan: BesidePlan; statements: string[] } {
  const texts: string[] = [];
  const byName = new Map(tables.map((table) => [table.name, table]));
  const groups = groupsOf(tables.filter(({ relkind }) => relkind === 'r'));
  const make = (kind: WorkKind, id: string, title: string, of: readonly SourceTable[], sql: readonly string[]): WorkItem => ({
    id: `${kind}/${id}`,
    kind,
    title,
    tables: of.map(({ name }) => name),
    statements: sql.map((text) => texts.push(text) - 1),
    bytes: of.reduce((sum, { bytes }) => sum + bytes, 0),
    rows: of.reduce((sum, { rows }) => sum + rows, 0),
  });
  /** One item over no table in particular, or none when there is nothing to do. */
  const whole = (kind: WorkKind, id: string, title: string, sql: readonly string[]): WorkItem[] =>
    sql.length === 0 ? [] : [make(kind, id, title, [], sql)];

  const own = statements.filter(({ kind, relation }) => kind === 'index' && byName.has(relation ?? '')).map((each) => apart(each, byName));
  const indexes = [...own, ...extraIndexes(copy, byName, statements)];
  const indexItems = groups.flatMap((group, index) => {
    const names = new Set(group.map(({ name }) => name));
    const mine = indexes.filter(({ relation }) => names.has(relation ?? ''));
    const [only] = group;
    // A large table's indexes are built side by side, those of a group of small ones in one item.
    if (only && group.length === 1 && only.bytes >= smallBytes)
      return mine.map(({ name, sql }) => make('index', name ?? '', `index ${name ?? ''} on ${only.name}`, [only], [sql]));
    const title = `${mine.length} indexes and keys of ${inWords(group)}`;
    return mine.length === 0
      ? []
      : [
          make(
            'index',
            `group-${index}`,
            title,
            group,
            mine.map(({ sql }) => sql),
          ),
        ];
  });
  const ofParents = own.filter(({ relation }) => byName.get(relation ?? '')?.relkind === 'p').map(({ sql }) => sql);
  const constraints = own.flatMap(({ constraint }) => (constraint ? [constraint] : []));
  const joins = statements.filter(({ kind }) => kind === 'attach').map(({ sql }) => sql);
  const last = statements.filter(({ kind, relation }) => kind === 'finish' || (kind === 'index' && !byName.has(relation ?? '')));
  const { keys, warnings } = foreignKeysOf(copy, statements);

  const plan: BesidePlan = {
    copies: groups.map((group, index) => make('copy', idOf(group, index), `copy ${inWords(group)}`, group, [])),
    indexes: [...indexItems, ...whole('index', 'parents', `${ofParents.length} indexes of partitioned tables`, ofParents)],
    attaches: [
      ...whole('attach', 'keys', `make ${constraints.length} indexes the keys of their tables`, constraints),
      ...whole('attach', 'partitions', `join ${joins.length} indexes of partitions to their parents`, joins),
    ],
    foreignKeys: keys
      .map(({ relation, name, sql }) => {
        const table = byName.get(relation ?? '');
        const title = `foreign key ${name ?? ''} on ${relation ?? ''}`;
        const pieces = table?.relkind === 'r' ? validatedApart(sql, table.name, name ?? '') : [sql];
        return make('foreignKey', `${relation ?? ''}/${name ?? ''}`, title, table ? [table] : [], pieces);
      })
      .sort((a, b) => b.bytes - a.bytes),
    finish: whole(
      'finish',
      'all',
      `${last.length} triggers, rules, comments and materialized views`,
      last.map(({ sql }) => sql),
    ),
    analyze: groups.map((group, index) =>
      make(
        'analyze',
        idOf(group, index),
        `statistics of ${inWords(group)}`,
        group,
        group.map(({ name }) => `ANALYZE ${qualified(next, name)}`),
      ),
    ),
    warnings,
  };
  return { plan, statements: texts };
}

/** Indexes that the replica wants beyond the source's: where the table is copied and no index of that name comes with it. */
function extraIndexes(
  { extraIndexes: wanted }: BesideCopy,
  tables: ReadonlyMap<string, SourceTable>,
  statements: readonly DumpStatement[],
): IndexStatement[] {
  return wanted
    .filter(({ table, name }) => tables.has(table) && !statements.some((each) => each.kind === 'index' && each.name === name))
    .map(({ name, table, on }) => ({ relation: table, name, sql: `CREATE INDEX ${quoted(name)} ON ${qualified(next, table)} ${on}` }));
}

function foreignKeysOf(copy: BesideCopy, statements: readonly DumpStatement[]): { keys: DumpStatement[]; warnings: string[] } {
  if (!copy.foreignKeys) return { keys: [], warnings: [] };
  const all = statements.filter(({ kind }) => kind === 'foreignKey');
  const toKept = all.filter(({ references }) => references !== null && copy.kept.includes(references));
  const names = toKept.map(({ relation, name }) => `${name ?? ''} on ${relation ?? ''}`);
  return {
    keys: all.filter((key) => !toKept.includes(key)),
    warnings: names.length > 0 ? [`foreign keys to kept tables are not made: ${names.join(', ')}`] : [],
  };
}

/** A key's index is built like any other, beside those of its table: ADD PRIMARY KEY would lock the others out. */
function apart({ relation, name, sql, key }: DumpStatement, tables: ReadonlyMap<string, SourceTable>): IndexStatement {
  if (!key || relation === null || name === null || tables.get(relation)?.relkind !== 'r') return { relation, name, sql };
  const list = (columns: readonly string[]): string => columns.map(quoted).join(', ');
  const table = qualified(next, relation);
  const including = key.including.length > 0 ? ` INCLUDE (${list(key.including)})` : '';
  return {
    relation,
    name,
    sql: `CREATE UNIQUE INDEX ${quoted(name)} ON ${table} (${list(key.columns)})${including}${key.nullsNotDistinct ? ' NULLS NOT DISTINCT' : ''}`,
    constraint: `ALTER TABLE ONLY ${table} ADD CONSTRAINT ${quoted(name)} ${key.primary ? 'PRIMARY KEY' : 'UNIQUE'} USING INDEX ${quoted(name)}`,
  };
}

/** Validation apart from the adding takes a weaker lock: keys that point to one table are checked side by side. */
function validatedApart(sql: string, table: string, name: string): string[] {
  if (/\bNOT VALID\s*$/i.test(sql)) return [sql];
  return [`${sql} NOT VALID`, `ALTER TABLE ${qualified(next, table)} VALIDATE CONSTRAINT ${quoted(name)}`];
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

function idOf(group: readonly SourceTable[], index: number): string {
  return group.length === 1 && group[0] ? group[0].name : `group-${index}`;
}

function inWords(tables: readonly SourceTable[]): string {
  const [first] = tables;
  return tables.length === 1 && first ? first.name : `${tables.length} tables (${first?.name ?? ''}, …)`;
}
