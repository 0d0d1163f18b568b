import type pg from 'pg';

import { quoted } from '../../postgres/identifiers.ts';

/** GRANTs that give the objects of schema `to` what their namesakes of schema `from` have: tables, views, sequences, columns, routines. */
export async function grantsLike(client: pg.ClientBase, { from, to }: { from: string; to: string }): Promise<string[]> {
  const { rows } = await client.query<{ sql: string }>(
    `with pair as (
      select o.oid as old, n.oid as new, n.relkind from pg_class o join pg_class n on n.relname = o.relname and n.relnamespace = $2::regnamespace
      where o.relnamespace = $1::regnamespace and o.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.relkind in ('r', 'p', 'v', 'm', 'f', 'S')),
    routine as (
      select o.oid as old, n.oid as new from pg_proc o join pg_proc n on n.proname = o.proname and n.pronamespace = $2::regnamespace and n.proargtypes = o.proargtypes
      where o.pronamespace = $1::regnamespace)
    select format('grant %s on %s %s to %s%s', a.privilege_type, case p.relkind when 'S' then 'sequence' else 'table' end, p.new::regclass,
        case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, case when a.is_grantable then ' with grant option' else '' end) as sql
      from pair p join pg_class o on o.oid = p.old, aclexplode(o.relacl) a where a.grantee <> o.relowner
    union all
    select format('grant %s (%I) on %s to %s%s', a.privilege_type, t.attname, p.new::regclass,
        case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, case when a.is_grantable then ' with grant option' else '' end)
      from pair p join pg_class o on o.oid = p.old join pg_attribute t on t.attrelid = p.old and t.attnum > 0 and not t.attisdropped
        join pg_attribute m on m.attrelid = p.new and m.attname = t.attname, aclexplode(t.attacl) a where a.grantee <> o.relowner
    union all
    select format('grant execute on routine %s to %s%s', r.new::regprocedure, case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end,
        case when a.is_grantable then ' with grant option' else '' end)
      from routine r join pg_proc o on o.oid = r.old, aclexplode(o.proacl) a where a.grantee <> o.proowner`,
    [quoted(from), quoted(to)],
  );
  return rows.map(({ sql }) => sql);
}
