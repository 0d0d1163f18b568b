import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import { failure } from '../../failure.ts';
import type { ClientTools } from '../../postgres/clientTools.ts';
import { postgresFailure, type Connections } from '../../postgres/connections.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import { type BesideCopy, type BesidePlan, type HeldSnapshot } from './beside.contract.ts';
import { ensureBookkeeping, forgetRuns, readCheckpoint, writeCheckpoint, writeStatements } from './bookkeeping.ts';
import { whenUnread } from './dropSchemas.ts';
import { loadGrammar, readDump, requalify, type DumpStatement } from './dumpText.ts';
import { planWork } from './planWork.ts';
import { beginInSnapshot } from './snapshot.ts';
import { applicationOf } from '../sessionNames.ts';
import { toolOnSource } from '../../postgres/standby.ts';
import { notForCopies, schemaWithout, sequencesOfKept } from '../dumpOptions.ts';
import { tablesOf } from './tables.ts';

const { next, previous } = ownSchemas;
const item = 'define';
const sections = ['--section=pre-data', '--section=post-data'];

/** Makes the schema `next` with everything of the source's schema but data, indexes and keys, in one transaction on the target. */
export async function defineBesideOf(
  connections: Connections,
  tools: ClientTools,
  copy: BesideCopy,
  {
    snapshot,
    sharedTypes,
    limitSeconds,
    signal,
  }: { snapshot: HeldSnapshot; sharedTypes: string[]; limitSeconds: number; signal: AbortSignal },
): Promise<BesidePlan> {
  await loadGrammar();
  const { moved, tables, excluded } = await connections.session(
    copy.source,
    { application: applicationOf(copy, 'names'), signal },
    async (source) => {
      await beginInSnapshot(source, snapshot);
      return {
        excluded: [...copy.kept, ...(await sequencesOfKept(source, copy))],
        moved: await movedNames(source, copy, sharedTypes),
        tables: await tablesOf(source, copy.schema, copy.kept),
      };
    },
  );
  const application = applicationOf(copy, 'dump');
  const url = await connections.urlOf(copy.source);
  const dump = await toolOnSource(connections, { source: copy.source, application, signal }, () =>
    tools.run('pg_dump', [...sections, ...notForCopies, `--snapshot=${snapshot.id}`, ...schemaWithout(copy.schema, excluded)], {
      url,
      application,
      signal,
    }),
  );
  const shared = new Set(sharedTypes);
  const statements = readDump(dump)
    .filter(({ kind, type }) => kind !== 'skip' && !(type !== null && shared.has(type)))
    .map((statement) => ({ ...statement, sql: requalify(statement.sql, copy.schema, next, (name) => moved.has(name)) }));
  const work = planWork(copy, tables, statements);
  return connections.session(copy.target, { application: applicationOf(copy, 'define'), signal }, async (target) => {
    await ensureBookkeeping(target);
    const done = await readCheckpoint(target, copy, item);
    // The snapshot may be another one than that of the checkpoint: then nothing of the former copy may stay.
    const former = done?.facts as { plan: BesidePlan; snapshot: string } | undefined;
    if (former?.snapshot === snapshot.id) return former.plan;
    // Yesterday's copy stays until the next run: two copies at a time, not three.
    return whenUnread(target, { schemas: [next, previous], limitSeconds, signal }, async () => {
      await forgetRuns(target, copy.replica);
      await target.query(`create schema ${quoted(next)}`);
      await copyDefaultPrivileges(target, copy.schema);
      await target.query('set local check_function_bodies = off');
      await target.query('set local client_min_messages = warning');
      for (const statement of statements.filter(({ kind }) => kind === 'define')) await runNamed(target, copy, statement);
      for (const { name, over } of copy.compatibilityViews)
        if (!tables.some((table) => table.name === name) && !moved.has(name) && tables.some((table) => table.name === over))
          await target.query(`create view ${qualified(next, name)} as select * from ${qualified(next, over)}`);
      await writeStatements(target, copy, work.statements);
      await writeCheckpoint(target, copy, item, { facts: { plan: work.plan, snapshot: snapshot.id } });
      return work.plan;
    });
  });
}

/** Names of the schema whose qualifier changes: everything that is copied. Not extensions' objects, kept tables and what is theirs, shared types. */
async function movedNames(source: pg.ClientBase, { schema, kept }: BesideCopy, sharedTypes: readonly string[]): Promise<Set<string>> {
  const { rows } = await source.query<{ name: string }>(
    `with kept as (select oid, reltype from pg_class where relnamespace = $1::regnamespace and relname = any($2::text[]) and relkind in ('r', 'p', 'f')),
    theirs as (
      select indexrelid as oid from pg_index where indrelid in (select oid from kept)
      union select objid from pg_depend where classid = 'pg_class'::regclass and refclassid = 'pg_class'::regclass and deptype in ('a', 'i') and refobjid in (select oid from kept)
    ),
    named as (
      select 'pg_class'::regclass as classid, oid, relname as name from pg_class where relnamespace = $1::regnamespace and relkind <> 'c' and oid not in (select oid from kept union all select oid from theirs)
      union all select 'pg_type'::regclass, oid, typname from pg_type where typnamespace = $1::regnamespace and (typrelid = 0 or exists (select from pg_class where pg_class.oid = typrelid and relkind = 'c'))
      union all select 'pg_proc'::regclass, oid, proname from pg_proc where pronamespace = $1::regnamespace
      union all select 'pg_operator'::regclass, oid, oprname from pg_operator where oprnamespace = $1::regnamespace
      union all select 'pg_collation'::regclass, oid, collname from pg_collation where collnamespace = $1::regnamespace
      union all select 'pg_statistic_ext'::regclass, oid, stxname from pg_statistic_ext where stxnamespace = $1::regnamespace
      union all select 'pg_ts_config'::regclass, oid, cfgname from pg_ts_config where cfgnamespace = $1::regnamespace
      union all select 'pg_ts_dict'::regclass, oid, dictname from pg_ts_dict where dictnamespace = $1::regnamespace
    )
    select distinct name from named n where not exists (select from pg_depend d where d.classid = n.classid and d.objid = n.oid and d.deptype = 'e')`,
    [quoted(schema), kept],
  );
  const shared = new Set(sharedTypes);
  return new Set(rows.map(({ name }) => name).filter((name) => !shared.has(name)));
}

/** What ALTER DEFAULT PRIVILEGES gives in the live schema, objects made in `next` get too. */
async function copyDefaultPrivileges(target: pg.ClientBase, schema: string): Promise<void> {
  const { rows } = await target.query<{ sql: string }>(
    `select format('alter default privileges in schema %I grant %s on %s to %s%s', $2::text, a.privilege_type,
        case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' end,
        case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, case when a.is_grantable then ' with grant option' else '' end) as sql
     from pg_default_acl d, aclexplode(d.defaclacl) a
     where d.defaclnamespace = $1::regnamespace and d.defaclrole = (select oid from pg_roles where rolname = current_user) and a.grantee <> d.defaclrole and d.defaclobjtype in ('r', 'S', 'f', 'T')`,
    [quoted(schema), next],
  );
  for (const { sql } of rows) await target.query(sql);
}

async function runNamed(target: pg.ClientBase, copy: BesideCopy, { sql }: DumpStatement): Promise<void> {
  try {
    await target.query(sql);
  } catch (error) {
    const told = postgresFailure(copy.target, error);
    throw failure('BesideNotPossible', `${told.message} while running: ${sql.slice(0, 300)}`, {}, error);
  }
}
