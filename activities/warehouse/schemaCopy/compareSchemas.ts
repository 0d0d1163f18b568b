import type pg from 'pg';

import type { ComparedSchemas, SchemaCopy } from './schemaCopy.contract.ts';
import { ownSchemas } from '../warehouse.contract.ts';
import { failure } from '../../failure.ts';
import type { Connections } from '../../postgres/connections.ts';

const application = 'nightshift schema compare';
const toldMax = 30;

/** Tables and views of both sides with their columns and types: the target has all of them, alike. */
export async function compareSchemasOf(
  { session }: Connections,
  { source, target }: SchemaCopy,
  signal: AbortSignal,
): Promise<ComparedSchemas> {
  const read = (server: SchemaCopy['source']): Promise<Map<string, string>> => session(server, { application, signal }, readRelations);
  const [wanted, found] = await Promise.all([read(source), read(target)]);
  const differences: string[] = [];
  for (const [name, form] of wanted) {
    const other = found.get(name);
    if (other === undefined) differences.push(`${name}: is missing in the ${target.name}`);
    else if (other !== form) differences.push(`${name}: is (${form}) in the ${source.name} and (${other}) in the ${target.name}`);
  }
  if (differences.length > 0)
    throw failure(
      'ReplicaNotVerified',
      `the ${target.name} differs from the ${source.name} in ${differences.length} tables: ${differences.slice(0, toldMax).join('; ').slice(0, 4_000)}`,
      { differences: differences.slice(0, 200) },
    );
  return { tables: wanted.size, extra: [...found.keys()].filter((name) => !wanted.has(name)) };
}

/** Kind and columns by name; those of extensions, of the system and ours aside. */
async function readRelations(client: pg.ClientBase): Promise<Map<string, string>> {
  await client.query("set search_path = ''");
  const { rows } = await client.query<{ name: string; form: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name,
       concat(c.relkind, ' ', (select string_agg(format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod), case when a.attnotnull then ' not null' end), ', ' order by a.attnum)
         from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)) as form
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> all($1::text[])
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by 1`,
    [Object.values(ownSchemas)],
  );
  return new Map(rows.map(({ name, form }) => [name, form]));
}
