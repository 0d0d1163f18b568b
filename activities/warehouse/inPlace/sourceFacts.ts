import type pg from 'pg';

import { applicationOf } from '../sessionNames.ts';
import { tablesOf } from '../beside/tables.ts';
import type { Connections } from '../../postgres/connections.ts';
import { quoted } from '../../postgres/identifiers.ts';
import { objectKey, objectsOf } from '../swap/catalog.ts';
import { ownSchemasOf } from './objectsToDrop.ts';
import type { InPlaceCopy } from './inPlace.contract.ts';
import type { SourceFacts } from './workFiles.ts';

/**
 * What stands beside tables, by "class/oid" as in an archive's list, with a key that reads the same on source and target. A partition's index has its
 * parent's index as a part of its state, so that a lost attach is seen as missing.
 */
const partsQuery = `
  select 'pg_class'::regclass::oid::text || '/' || i.oid as id, json_build_array('index', i.relname)::text as key
  from pg_class i join pg_index x on x.indexrelid = i.oid join pg_class t on t.oid = x.indrelid
  where i.relnamespace = $1::regnamespace and t.relname <> all($2::text[]) and (x.indisvalid or t.relkind = 'p')
  union all
  select 'pg_constraint'::regclass::oid::text || '/' || k.oid, json_build_array('constraint', t.relname, k.conname)::text
  from pg_constraint k join pg_class t on t.oid = k.conrelid
  where k.connamespace = $1::regnamespace and t.relname <> all($2::text[]) and k.contype in ('p', 'u', 'x', 'f', 'c', 'n')
  union all
  select 'pg_trigger'::regclass::oid::text || '/' || g.oid, json_build_array('trigger', t.relname, g.tgname)::text
  from pg_trigger g join pg_class t on t.oid = g.tgrelid where t.relnamespace = $1::regnamespace and t.relname <> all($2::text[]) and not g.tgisinternal
  union all
  select 'pg_rewrite'::regclass::oid::text || '/' || r.oid, json_build_array('rule', t.relname, r.rulename)::text
  from pg_rewrite r join pg_class t on t.oid = r.ev_class
  where t.relnamespace = $1::regnamespace and t.relname <> all($2::text[]) and r.rulename <> '_RETURN'
  union all
  select 'pg_policy'::regclass::oid::text || '/' || p.oid, json_build_array('policy', t.relname, p.polname)::text
  from pg_policy p join pg_class t on t.oid = p.polrelid where t.relnamespace = $1::regnamespace and t.relname <> all($2::text[])
  union all
  select 'pg_statistic_ext'::regclass::oid::text || '/' || s.oid, json_build_array('statistics', s.stxname)::text
  from pg_statistic_ext s where s.stxnamespace = $1::regnamespace`;

/** Keys of what stands in the schema now, of tables that are not kept. */
export async function partsOf(client: pg.ClientBase, { schema, kept }: InPlaceCopy): Promise<Map<string, string>> {
  const { rows } = await client.query<{ id: string; key: string }>(partsQuery, [quoted(schema), kept]);
  return new Map(rows.map(({ id, key }) => [id, key]));
}

/** Reads what the dump will hold by identity. A change of the schema between this and the dump's own snapshot shows in the check. */
export async function readSourceFacts({ session }: Connections, copy: InPlaceCopy, signal: AbortSignal): Promise<SourceFacts> {
  return session(copy.source, { application: applicationOf(copy, 'facts'), signal }, async (client) => {
    await client.query("set search_path = ''");
    const kept = new Set(copy.kept);
    const objects = (await objectsOf(client, copy.schema)).filter(({ name }) => !kept.has(name));
    const views = copy.compatibilityViews.map(({ name }) => objectKey({ kind: 'view', name, args: '' }, []));
    const { rows: keys } = await client.query<{ id: string; name: string }>(
      `select 'pg_constraint'::regclass::oid::text || '/' || k.oid as id, k.conname || ' on ' || t.relname as name
       from pg_constraint k join pg_class t on t.oid = k.conrelid join pg_class r on r.oid = k.confrelid
       where k.contype = 'f' and k.connamespace = $1::regnamespace and r.relnamespace = $1::regnamespace and r.relname = any($2::text[]) and t.relname <> all($2::text[])`,
      [quoted(copy.schema), copy.kept],
    );
    const types = objects.filter(({ kind }) => kind === 'type' || kind === 'domain');
    return {
      begunAt: new Date().toISOString(),
      wanted: [...new Set([...objects.map((object) => objectKey(object, ownSchemasOf(copy))), ...views])],
      tables: Object.fromEntries((await tablesOf(client, copy.schema, copy.kept)).map(({ oid, name }) => [String(oid), name])),
      parts: Object.fromEntries(await partsOf(client, copy)),
      types: Object.fromEntries(types.map(({ classId, oid, name }) => [`${classId}/${oid}`, name])),
      keysToKept: Object.fromEntries(keys.map(({ id, name }) => [id, name])),
    };
  });
}
