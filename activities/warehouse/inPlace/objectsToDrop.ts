import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import { readLiveObjects } from '../beside/bookkeeping.ts';
import { dependentsOf } from '../swap/dependents.ts';
import { objectKey, objectsOf, schemaExists, type SchemaObject } from '../swap/catalog.ts';
import type { InPlaceCopy } from './inPlace.contract.ts';

/** What leaves the target, and what hangs on it. */
export interface Going {
  objects: SchemaObject[];
  /** Types that stay, since what stays uses them: the dump's definition of them is left out. */
  sharedTypes: string[];
  /** Views of other people, and views on those: made again later. In the order in which they can be made. */
  views: { oid: number; name: string }[];
  /** Foreign keys of tables that stay, to tables that go. */
  cut: { table: string; key: string; words: string }[];
  /** Why it cannot be done; empty when it can. */
  obstacles: string[];
}

export function ownSchemasOf({ schema }: Pick<InPlaceCopy, 'schema'>): string[] {
  return [schema, ownSchemas.next, ownSchemas.previous];
}

/**
 * What is ours to drop: what the dump brings back and what an earlier run brought; never a kept table, nor what anybody else made. The seed dropped all
 * tables but the kept ones, and with none kept everything that its user owned (DROP OWNED): no dump brings those back. Call with an empty search_path.
 */
export async function goingOf(client: pg.ClientBase, copy: InPlaceCopy, wanted: ReadonlySet<string>): Promise<Going> {
  const bookkeeping = await schemaExists(client, ownSchemas.bookkeeping);
  const ours = bookkeeping ? await readLiveObjects(client, copy.replica).catch(() => new Set<string>()) : new Set<string>();
  const kept = new Set(copy.kept);
  const keyOf = (object: SchemaObject): string => objectKey(object, ownSchemasOf(copy));
  const candidates = (await objectsOf(client, copy.schema)).filter(
    (object) => !kept.has(object.name) && (wanted.has(keyOf(object)) || ours.has(keyOf(object))),
  );
  const cut = await keysFromOutside(client, candidates);
  // A table that hangs on another by a foreign key alone is freed by cutting it.
  const freed = new Set(cut.map(({ oid, on }) => `${oid} ${on}`));
  const staying = new Set<string>();
  const views = new Map<number, { oid: number; name: string }>();
  const obstacles: string[] = [];
  for (let again = true; again;) {
    again = false;
    const given = candidates.filter((object) => !staying.has(idOf(object)));
    const asObjects = [...views.values()].map((view) => viewObject(view, given));
    for (const { what, relkind, oid, classId, onClassId, onOid } of await dependentsOf(client, [...given, ...asObjects])) {
      const on = given.find((object) => object.classId === onClassId && object.oid === onOid);
      if (relkind === 'v') {
        if (!views.has(oid)) again = true;
        views.set(oid, { oid, name: what });
      } else if (on && (on.kind === 'type' || on.kind === 'domain' || !wanted.has(keyOf(on)))) {
        // A type, or what the source no longer has: it stays where it is, others use it.
        staying.add(idOf(on));
        again = true;
      } else if (!(relkind !== null && freed.has(`${oid} ${onOid}`)))
        obstacles.push(`target: ${what} depends on ${on ? `${on.kind} ${on.name}` : `a view of other people (${classId})`}`);
    }
    if (again) obstacles.length = 0;
  }
  for (const view of await notOurs(client, [...views.keys()]))
    obstacles.push(`target: view ${view} of another user depends on a replaced table`);
  for (const { words, mine } of cut) if (!mine) obstacles.push(`target: foreign key ${words} belongs to another user`);
  const objects = candidates.filter((object) => !staying.has(idOf(object)));
  const goingTables = new Set(objects.map(({ oid }) => oid));
  return {
    objects,
    sharedTypes: candidates.filter((each) => staying.has(idOf(each)) && wanted.has(keyOf(each))).map(({ name }) => name),
    views: [...views.values()].sort((a, b) => a.oid - b.oid),
    cut: cut.filter(({ on }) => goingTables.has(on)).map(({ table, key, words }) => ({ table, key, words })),
    obstacles: [...new Set(obstacles)],
  };
}

function idOf({ classId, oid }: SchemaObject): string {
  return `${classId}/${oid}`;
}

function viewObject({ oid, name }: { oid: number; name: string }, given: readonly SchemaObject[]): SchemaObject {
  return { kind: 'view', name, args: '', oid, classId: given.find(({ kind }) => kind === 'table')?.classId ?? 1259 };
}

async function keysFromOutside(
  client: pg.ClientBase,
  objects: readonly SchemaObject[],
): Promise<{ oid: number; on: number; table: string; key: string; words: string; mine: boolean }[]> {
  const tables = objects.filter(({ kind }) => kind === 'table').map(({ oid }) => oid);
  const { rows } = await client.query<{ oid: string; on: string; table: string; key: string; words: string; mine: boolean }>(
    `select k.conrelid::bigint::text as oid, k.confrelid::bigint::text as on, k.conrelid::regclass::text as table, quote_ident(k.conname) as key,
       k.conname || ' of ' || t.relname as words, pg_has_role(t.relowner, 'usage') as mine
     from pg_constraint k join pg_class t on t.oid = k.conrelid
     where k.contype = 'f' and k.conparentid = 0 and k.confrelid = any($1::bigint[]::oid[]) and k.conrelid <> all($1::bigint[]::oid[]) order by 3, 4`,
    [tables],
  );
  return rows.map((row) => ({ ...row, oid: Number(row.oid), on: Number(row.on) }));
}

async function notOurs(client: pg.ClientBase, oids: readonly number[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "select oid::regclass::text as name from pg_class where oid = any($1::bigint[]::oid[]) and not pg_has_role(relowner, 'usage')",
    [oids],
  );
  return rows.map(({ name }) => name);
}
