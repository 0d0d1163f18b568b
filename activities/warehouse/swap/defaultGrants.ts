import type pg from 'pg';

/** What ALTER DEFAULT PRIVILEGES of the schema would have given to tables made in it: for those that were made elsewhere and have no predecessor. */
export async function defaultGrants(
  client: pg.ClientBase,
  { schema, workSchema, tables }: { schema: string; workSchema: string; tables: readonly string[] },
): Promise<string[]> {
  const { rows } = await client.query<{ sql: string }>(
    `select format('grant %s on table %I.%I to %s%s', a.privilege_type, $2::text, t.name,
        case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, case when a.is_grantable then ' with grant option' else '' end) as sql
     from pg_default_acl d join pg_namespace n on n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a, unnest($3::text[]) as t(name)
     where n.nspname = $1 and d.defaclobjtype = 'r' and d.defaclrole = current_user::regrole and a.grantee <> d.defaclrole`,
    [schema, workSchema, tables],
  );
  return rows.map(({ sql }) => sql);
}
