import type pg from 'pg';

import type { SchemaObject } from './catalog.ts';

export interface Dependent {
  /** What depends: a view, a table of other people, a routine … in words. */
  what: string;
  /** 'v' view, 'r' table, 'm' materialized view …; null for what is no relation. */
  relkind: string | null;
  classId: number;
  oid: number;
  /** On which of the given objects. */
  onClassId: number;
  onOid: number;
}

/**
 * Objects outside the given ones that depend on them: a constraint, default, trigger, rule, index or policy counts as its relation, the row
 * type and array type of a relation as the relation. What an extension or the system owns is never among them.
 */
export async function dependentsOf(client: pg.ClientBase, objects: readonly SchemaObject[]): Promise<Dependent[]> {
  if (objects.length === 0) return [];
  const { rows } = await client.query<Omit<Dependent, 'oid' | 'onOid'> & { oid: string; onOid: string }>(
    `with given as (select * from unnest($1::int[], $2::bigint[]) as g(classid, oid)),
    -- Each given object with the parts that others may refer to.
    part as (
      select classid, oid::oid as objid, classid as rootclass, oid::oid as rootid from given
      union select 'pg_type'::regclass::oid::int, c.reltype, g.classid, c.oid from given g join pg_class c on g.classid = 'pg_class'::regclass::oid::int and c.oid = g.oid::oid where c.reltype <> 0
      union select 'pg_type'::regclass::oid::int, t.typarray, g.classid, c.oid from given g join pg_class c on g.classid = 'pg_class'::regclass::oid::int and c.oid = g.oid::oid join pg_type t on t.oid = c.reltype where t.typarray <> 0
      union select 'pg_type'::regclass::oid::int, t.typarray, g.classid, t.oid from given g join pg_type t on g.classid = 'pg_type'::regclass::oid::int and t.oid = g.oid::oid where t.typarray <> 0
      union select 'pg_class'::regclass::oid::int, i.indexrelid, g.classid, i.indrelid from given g join pg_index i on g.classid = 'pg_class'::regclass::oid::int and i.indrelid = g.oid::oid
      union select 'pg_constraint'::regclass::oid::int, k.oid, g.classid, k.conrelid from given g join pg_constraint k on g.classid = 'pg_class'::regclass::oid::int and k.conrelid = g.oid::oid
      union select 'pg_class'::regclass::oid::int, d.objid, g.classid, g.oid::oid from given g join pg_depend d on d.refclassid = g.classid and d.refobjid = g.oid::oid and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i') join pg_class s on s.oid = d.objid and s.relkind = 'S'
    ),
    seen as (
      select p.rootclass as "onClassId", p.rootid as "onOid", d.classid, d.objid,
        coalesce(
          (select indrelid from pg_index where d.classid = 'pg_class'::regclass and indexrelid = d.objid),
          (select refobjid from pg_depend o join pg_class s on s.oid = o.objid and s.relkind = 'S' where d.classid = 'pg_class'::regclass and o.classid = 'pg_class'::regclass and o.objid = d.objid and o.deptype in ('a', 'i') limit 1),
          (select nullif(conrelid, 0) from pg_constraint where d.classid = 'pg_constraint'::regclass and oid = d.objid),
          (select adrelid from pg_attrdef where d.classid = 'pg_attrdef'::regclass and oid = d.objid),
          (select tgrelid from pg_trigger where d.classid = 'pg_trigger'::regclass and oid = d.objid),
          (select ev_class from pg_rewrite where d.classid = 'pg_rewrite'::regclass and oid = d.objid),
          (select polrelid from pg_policy where d.classid = 'pg_policy'::regclass and oid = d.objid),
          (select nullif(typrelid, 0) from pg_type where d.classid = 'pg_type'::regclass and oid = d.objid and typtype = 'c'),
          case when d.classid = 'pg_class'::regclass then d.objid end
        ) as relation,
        case when d.classid = 'pg_constraint'::regclass then (select nullif(contypid, 0) from pg_constraint where oid = d.objid)
          when d.classid = 'pg_type'::regclass then (select coalesce(nullif(typelem, 0), oid) from pg_type where oid = d.objid) end as type
      from part p join pg_depend d on d.refclassid = p.classid and d.refobjid = p.objid
      where d.deptype in ('n', 'a', 'P', 'S')
    ),
    rooted as (
      select distinct "onClassId", "onOid",
        case when relation is not null then 'pg_class'::regclass::oid::int when type is not null then 'pg_type'::regclass::oid::int else classid::int end as "classId",
        coalesce(relation, type, objid) as root
      from seen
    )
    select r."onClassId", r."onOid"::bigint::text as "onOid", r."classId", r.root::bigint::text as oid,
      pg_describe_object(r."classId"::oid, r.root, 0) as what,
      (select relkind::text from pg_class where r."classId" = 'pg_class'::regclass::oid::int and oid = r.root) as relkind
    from rooted r
    where not exists (select from part p where p.classid = r."classId" and p.objid = r.root)
      and not exists (select from pg_depend e where e.classid = r."classId" and e.objid = r.root and e.deptype = 'e')
      and not exists (select from pg_class t where r."classId" = 'pg_class'::regclass::oid::int and t.oid = r.root and t.relkind in ('t'))
    order by what`,
    [objects.map(({ classId }) => classId), objects.map(({ oid }) => oid)],
  );
  return rows.map((row) => ({ ...row, oid: Number(row.oid), onOid: Number(row.onOid) }));
}

/** The first twenty, for a message. */
export function dependentsInWords(dependents: readonly Pick<Dependent, 'what'>[]): string {
  return dependents
    .slice(0, 20)
    .map(({ what }) => what)
    .join('; ');
}
