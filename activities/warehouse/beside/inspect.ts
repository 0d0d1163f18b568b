import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import type { Connections } from '../../postgres/connections.ts';
import { quoted } from '../../postgres/identifiers.ts';
import type { PostgresFacts } from '../../postgres/postgres.contract.ts';
import { readFacts } from '../../postgres/serverFacts.ts';
import { type BesideCopy, type BesideInspection } from './beside.contract.ts';
import { keptKey, readLiveObjects } from './bookkeeping.ts';
import { immovableObjectsOf, objectKey, objectsOf, schemaExists, type SchemaObject } from '../swap/catalog.ts';
import { dependentsOf } from '../swap/dependents.ts';
import { applicationOf } from '../sessionNames.ts';
import { inspectStandby, isStandbyOf, standbyOfTarget } from '../../postgres/standby.ts';
import { tablesOf } from './tables.ts';

interface Side {
  facts: PostgresFacts;
  faults: string[];
  warnings: string[];
}

interface SourceSide extends Side {
  tables: BesideInspection['tables'];
  objects: SchemaObject[];
  obstacles: string[];
  extensions: string[];
}

/** Looks at both sides before anything is touched; every fault at once. */
export async function inspectBesideOf(
  { session }: Connections,
  tools: { version: string; versionNumber: number },
  copy: BesideCopy,
  signal: AbortSignal,
): Promise<BesideInspection> {
  const application = applicationOf(copy, 'inspect');
  const source = await session(copy.source, { application, signal }, (client) => inspectSource(client, copy));
  return session(copy.target, { application, signal }, async (client) => {
    const target = await inspectTarget(client, copy, source);
    const faults = [...source.faults, ...target.faults];
    if (await session(copy.source, { application, signal }, (standby) => isStandbyOf(standby, client))) faults.push(standbyOfTarget);
    if (source.facts.identity === target.facts.identity) faults.push(`source and target are the same database "${target.facts.database}"`);
    const newest = [source.facts, target.facts].sort((a, b) => b.versionNumber - a.versionNumber)[0];
    if (newest && Math.trunc(newest.versionNumber / 10_000) > Math.trunc(tools.versionNumber / 10_000))
      faults.push(
        `the client tools are version ${tools.version}, a server is version ${newest.version}: tools must not be older (setting NIGHTSHIFT_POSTGRES_TOOLS)`,
      );
    return {
      source: source.facts,
      target: target.facts,
      tables: source.tables,
      obstacles: [...source.obstacles, ...target.obstacles],
      faults,
      warnings: [...source.warnings, ...target.warnings],
      sharedTypes: target.sharedTypes,
      rebound: target.rebound,
    };
  });
}

async function inspectSource(client: pg.ClientBase, copy: BesideCopy): Promise<SourceSide> {
  await client.query("set search_path = ''");
  const facts = await readFacts(client);
  const faults: string[] = [];
  const warnings: string[] = [];
  if (!(await schemaExists(client, copy.schema)))
    return {
      facts,
      faults: [`the source has no schema "${copy.schema}"`],
      warnings,
      obstacles: [],
      tables: [],
      objects: [],
      extensions: [],
    };
  const standby = await inspectStandby(client, copy);
  faults.push(...standby.faults);
  warnings.push(...standby.warnings);
  const tables = await tablesOf(client, copy.schema, copy.kept);
  const { rows: unreadable } = await client.query<{ name: string; why: string }>(
    `select relname as name, case when not has_table_privilege(oid, 'select') then 'may not be read' else 'has row security that hides rows' end as why
     from pg_class where oid = any($1::bigint[]::oid[]) and relkind = 'r' and (not has_table_privilege(oid, 'select')
       or (relrowsecurity and not (pg_has_role(relowner, 'usage') and not relforcerowsecurity) and not (select rolbypassrls or rolsuper from pg_roles where rolname = current_user)))`,
    [tables.map(({ oid }) => oid)],
  );
  for (const { name, why } of unreadable) faults.push(`source: table ${name} ${why} (user ${facts.user})`);
  const { rows: absent } = await client.query<{ name: string }>(
    'select k as name from unnest($2::text[]) k where not exists (select from pg_class where relnamespace = $1::regnamespace and relname = k)',
    [quoted(copy.schema), copy.kept],
  );
  for (const { name } of absent) warnings.push(`the source has no table ${name}, which the replica file names`);
  const { rows: others } = await client.query<{ name: string; count: string }>(
    `select n.nspname as name, count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname <> $1 and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'v', 'm')
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e') group by 1 order by 1`,
    [copy.schema],
  );
  for (const { name, count } of others)
    warnings.push(`schema ${name} of the source with ${count} tables and views is not copied: the replica is of schema ${copy.schema}`);
  const { rows: large } = await client.query<{ count: string }>('select count(*) from pg_largeobject_metadata');
  if (Number(large[0]?.count ?? 0) > 0) warnings.push(`${large[0]?.count} large objects of the source are not copied`);
  const { rows: extensions } = await client.query<{ name: string }>("select extname as name from pg_extension where extname <> 'plpgsql'");
  return {
    facts,
    faults,
    warnings,
    obstacles: [
      ...(await immovableObjectsOf(client, copy.schema)).map((what) => `source: ${what} cannot be moved between schemas by name`),
    ],
    tables: tables.map(({ name, rows, bytes }) => ({ name, estimatedRows: rows, bytes })),
    objects: await objectsOf(client, copy.schema),
    extensions: extensions.map(({ name }) => name),
  };
}

async function inspectTarget(
  client: pg.ClientBase,
  copy: BesideCopy,
  source: SourceSide,
): Promise<Side & { obstacles: string[]; sharedTypes: string[]; rebound: string[] }> {
  await client.query("set search_path = ''");
  const facts = await readFacts(client);
  const [faults, warnings, obstacles]: [string[], string[], string[]] = [[], [], []];
  // DROP OWNED of the seed made this user dangerous; the rule stands for both modes.
  if (facts.user === 'postgres') faults.push('target: user "postgres" is refused; give the replica a user of its own that owns its tables');
  if (facts.inRecovery) faults.push('target: the server is a standby and takes no writes');
  const { rows: rights } = await client.query<{ create: boolean; use: boolean }>(
    `select has_database_privilege(current_database(), 'create') as create, coalesce((select has_schema_privilege(oid, 'create') from pg_namespace where nspname = $1), false) as use`,
    [copy.schema],
  );
  if (!rights[0]?.create)
    faults.push(`target: user ${facts.user} may not create schemas in database ${facts.database} (GRANT CREATE ON DATABASE)`);
  if (!rights[0]?.use) faults.push(`target: user ${facts.user} may not create in schema ${copy.schema} (GRANT CREATE ON SCHEMA)`);
  const { rows: there } = await client.query<{ name: string }>('select extname as name from pg_extension');
  const installed = new Set(there.map(({ name }) => name));
  for (const name of source.extensions)
    if (!installed.has(name))
      warnings.push(`extension ${name} of the source is not on the target (CREATE EXTENSION "${name}", when tables use it)`);

  const schemas = [copy.schema, ownSchemas.next, ownSchemas.previous];
  const kept = new Set(copy.kept);
  const wanted = new Set(source.objects.filter(({ name }) => !kept.has(name)).map((object) => objectKey(object, schemas)));
  const ours = (await schemaExists(client, ownSchemas.bookkeeping))
    ? await readLiveObjects(client, copy.replica).catch(() => new Set<string>())
    : new Set<string>();
  const formerlyKept = [...ours].filter((key) => key.startsWith(keptKey('')));
  if (copy.kept.length === 0 && formerlyKept.length > 0)
    faults.push(
      `the replica keeps no table and an earlier run kept ${formerlyKept.map((key) => key.slice(keptKey('').length)).join(', ')}: a lost setting would replace them; name them in tables with the mode "default" when that is meant`,
    );
  const going = (await objectsOf(client, copy.schema)).filter(
    (object) => !kept.has(object.name) && (wanted.has(objectKey(object, schemas)) || ours.has(objectKey(object, schemas))),
  );
  const { rows: foreign } = await client.query<{ name: string; owner: string }>(
    `select relname as name, pg_get_userbyid(relowner) as owner from pg_class where oid = any($1::bigint[]::oid[]) and not pg_has_role(relowner, 'usage')`,
    [going.map(({ oid }) => oid)],
  );
  for (const { name, owner } of foreign) faults.push(`target: ${name} belongs to ${owner}; user ${facts.user} cannot replace it`);

  const byOid = new Map(going.map((object) => [`${object.classId}/${object.oid}`, object]));
  const sharedTypes = new Set<string>();
  const rebound: string[] = [];
  for (const { what, relkind, onClassId, onOid } of await dependentsOf(client, going)) {
    const on = byOid.get(`${onClassId}/${onOid}`);
    // Gone from the source and used by others: it stays where it is.
    if (on && !wanted.has(objectKey(on, schemas))) continue;
    if (on && (on.kind === 'type' || on.kind === 'domain') && relkind !== 'v') sharedTypes.add(on.name);
    else if (relkind === 'v') rebound.push(what);
    else obstacles.push(`target: ${what} depends on ${on ? `${on.kind} ${on.name}` : 'a replaced object'}`);
  }
  return { facts, faults, warnings, obstacles, sharedTypes: [...sharedTypes].sort(), rebound };
}
