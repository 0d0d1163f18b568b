import { loadModule, parseSync, scanSync, type Constraint, type Node } from 'libpg-query';

export type StatementKind = 'define' | 'index' | 'attach' | 'foreignKey' | 'finish' | 'skip';

export interface DumpStatement {
  sql: string;
  kind: StatementKind;
  /** Relation that an index, key or trigger belongs to. */
  relation: string | null;
  /** Name of the index, constraint, trigger … */
  name: string | null;
  /** Type that the statement defines or changes. */
  type: string | null;
  /** For a foreign key: the table that it points to. */
  references: string | null;
  /** For a plain primary key or unique constraint: what its index needs to be built apart. */
  key: KeyParts | null;
}

export interface KeyParts {
  primary: boolean;
  columns: string[];
  including: string[];
  nullsNotDistinct: boolean;
}

/** Must be awaited once before the other functions: loads PostgreSQL's own grammar. */
export async function loadGrammar(): Promise<void> {
  await loadModule();
}

/** What pg_dump wrote for psql and not for the server. */
function withoutMetaCommands(dump: string): string {
  return dump.replace(/^\\(un)?restrict .*$/gm, '');
}

const registryTypes = new Set([
  'regclass',
  'regproc',
  'regprocedure',
  'regtype',
  'regoper',
  'regoperator',
  'regconfig',
  'regdictionary',
  'regcollation',
]);
const stringToken = 'SCONST';

/**
 * Gives the qualifier `from` of the names in `moved` the value `to`, in the original text at the positions that PostgreSQL's scanner gives:
 * nothing is printed again, so nothing gets lost. Names inside literals are changed where the literal is cast to a registry type
 * (`nextval('public.x_seq'::regclass)`); function bodies in literals stay, and are right again once the objects stand in `from`.
 */
export function requalify(sql: string, from: string, to: string, moved: (name: string) => boolean): string {
  const bytes = Buffer.from(sql);
  const { tokens } = scanSync(sql);
  const pieces: Buffer[] = [];
  let copied = 0;
  const replace = (start: number, end: number, text: string): void => {
    pieces.push(bytes.subarray(copied, start), Buffer.from(text));
    copied = end;
  };
  tokens.forEach((token, index) => {
    if (token.tokenName === stringToken) {
      const [cast, type] = [tokens[index + 1], tokens[index + 2]];
      if (cast?.text !== '::' || !type || !registryTypes.has(type.text)) return;
      const inner = token.text.slice(1, -1).replaceAll("''", "'");
      const changed = requalify(inner, from, to, moved);
      if (changed !== inner) replace(token.start, token.end, `'${changed.replaceAll("'", "''")}'`);
      return;
    }
    const [dot, name] = [tokens[index + 1], tokens[index + 2]];
    if (dot?.text !== '.' || !name || tokens[index - 1]?.text === '.' || identifier(token.text) !== from) return;
    // An operator stands as OPERATOR(public.===).
    if (moved(identifier(name.text))) replace(token.start, token.end, quote(to));
  });
  pieces.push(bytes.subarray(copied));
  return Buffer.concat(pieces).toString();
}

function identifier(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text.toLowerCase();
}

function quote(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** The statements of a dump in their order, each with what it makes. */
export function readDump(dump: string): DumpStatement[] {
  const text = withoutMetaCommands(dump);
  const bytes = Buffer.from(text);
  return (parseSync(text).stmts ?? []).flatMap(({ stmt, stmt_location: start = 0, stmt_len: length }) => {
    if (!stmt) return [];
    const sql = bytes
      .subarray(start, length ? start + length : undefined)
      .toString()
      .replace(/^(\s*--.*\n|\s*\n)*/, '')
      .trim();
    return [{ sql, relation: null, name: null, type: null, references: null, key: null, ...classify(stmt) }];
  });
}

type Classified = Partial<DumpStatement> & { kind: StatementKind };

function classify(stmt: Node): Classified {
  if ('VariableSetStmt' in stmt || 'SelectStmt' in stmt) return { kind: 'skip' };
  // Publications, subscriptions and event triggers of the source are nothing that a warehouse should do; extensions are checked apart.
  if ('CreatePublicationStmt' in stmt || 'CreateSubscriptionStmt' in stmt || 'CreateEventTrigStmt' in stmt || 'CreateExtensionStmt' in stmt)
    return { kind: 'skip' };
  if ('CreateSchemaStmt' in stmt) return { kind: 'skip' };
  if ('CommentStmt' in stmt) {
    const { objtype } = stmt.CommentStmt;
    if (objtype === 'OBJECT_EXTENSION' || objtype === 'OBJECT_SCHEMA' || objtype === 'OBJECT_PUBLICATION') return { kind: 'skip' };
    return { kind: 'finish', type: objtype === 'OBJECT_TYPE' || objtype === 'OBJECT_DOMAIN' ? lastName(stmt.CommentStmt.object) : null };
  }
  if ('CreateEnumStmt' in stmt) return { kind: 'define', type: lastOf(stmt.CreateEnumStmt.typeName) };
  if ('CreateDomainStmt' in stmt) return { kind: 'define', type: lastOf(stmt.CreateDomainStmt.domainname) };
  if ('CreateRangeStmt' in stmt) return { kind: 'define', type: lastOf(stmt.CreateRangeStmt.typeName) };
  if ('CompositeTypeStmt' in stmt) return { kind: 'define', type: stmt.CompositeTypeStmt.typevar?.relname ?? null };
  if ('IndexStmt' in stmt) {
    const { relation, idxname } = stmt.IndexStmt;
    return { kind: 'index', relation: relation?.relname ?? null, name: idxname ?? null };
  }
  if ('RefreshMatViewStmt' in stmt) return { kind: 'finish', relation: stmt.RefreshMatViewStmt.relation?.relname ?? null };
  if ('CreateTrigStmt' in stmt)
    return { kind: 'finish', relation: stmt.CreateTrigStmt.relation?.relname ?? null, name: stmt.CreateTrigStmt.trigname ?? null };
  if ('RuleStmt' in stmt)
    return { kind: 'finish', relation: stmt.RuleStmt.relation?.relname ?? null, name: stmt.RuleStmt.rulename ?? null };
  if ('CreatePolicyStmt' in stmt) return { kind: 'finish', relation: stmt.CreatePolicyStmt.table?.relname ?? null };
  if ('CreateStatsStmt' in stmt) return { kind: 'finish' };
  if ('AlterTableStmt' in stmt) {
    const { relation, cmds = [] } = stmt.AlterTableStmt;
    const name = relation?.relname ?? null;
    const command = cmds[0] && 'AlterTableCmd' in cmds[0] ? cmds[0].AlterTableCmd : undefined;
    if (stmt.AlterTableStmt.objtype === 'OBJECT_INDEX') return { kind: 'attach', relation: null, name };
    const constraint = command?.def && 'Constraint' in command.def ? command.def.Constraint : undefined;
    if (command?.subtype === 'AT_AddConstraint' && constraint) {
      const facts = { relation: name, name: constraint.conname ?? null };
      if (constraint.contype === 'CONSTR_FOREIGN') return { kind: 'foreignKey', references: constraint.pktable?.relname ?? null, ...facts };
      if (constraint.contype === 'CONSTR_CHECK' || constraint.contype === 'CONSTR_NOTNULL') return { kind: 'finish', ...facts };
      const key = keyParts(constraint);
      return { kind: 'index', ...facts, key };
    }
    return { kind: 'define', relation: name };
  }
  return { kind: 'define' };
}

/** Null for what has no plain index of its own: exclusion, deferrable, WITHOUT OVERLAPS. */
function keyParts(constraint: Constraint): KeyParts | null {
  const {
    contype,
    keys = [],
    including = [],
    deferrable,
    without_overlaps: overlaps,
    nulls_not_distinct: nullsNotDistinct = false,
  } = constraint;
  if ((contype !== 'CONSTR_PRIMARY' && contype !== 'CONSTR_UNIQUE') || keys.length === 0 || deferrable || overlaps) return null;
  const names = (nodes: Node[]): string[] => nodes.flatMap((node) => ('String' in node ? [node.String.sval ?? ''] : []));
  return { primary: contype === 'CONSTR_PRIMARY', columns: names(keys), including: names(including), nullsNotDistinct };
}

function lastOf(nodes: Node[] | undefined): string | null {
  const last = nodes?.at(-1);
  return last && 'String' in last ? (last.String.sval ?? null) : null;
}

function lastName(node: Node | undefined): string | null {
  if (!node) return null;
  if ('TypeName' in node) return lastOf(node.TypeName.names);
  if ('List' in node) return lastOf(node.List.items);
  return null;
}
