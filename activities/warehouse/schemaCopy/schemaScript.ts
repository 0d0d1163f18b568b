import type pg from 'pg';

/** What the target has already and a script must leave alone. */
export interface Present {
  extensions: { name: string; schema: string }[];
  /** Statements of pg_dump's --clean that cannot succeed: indexes and keys of partitions go with those of their parent. */
  partDrops: ReadonlySet<string>;
}

export async function readPresent(client: pg.ClientBase): Promise<Present> {
  const { rows: extensions } = await client.query<{ name: string; schema: string }>(
    `select extname as name, nspname as schema from pg_extension e join pg_namespace n on n.oid = e.extnamespace`,
  );
  const { rows: parts } = await client.query<{ sql: string }>(
    `select coalesce(
        (select format('ALTER TABLE IF EXISTS ONLY %I.%I DROP CONSTRAINT IF EXISTS %I;', tn.nspname, t.relname, k.conname)
         from pg_constraint k join pg_class t on t.oid = k.conrelid join pg_namespace tn on tn.oid = t.relnamespace where k.conindid = i.oid and k.contype in ('p', 'u', 'x')),
        format('DROP INDEX IF EXISTS %I.%I;', n.nspname, i.relname)) as sql
     from pg_class i join pg_namespace n on n.oid = i.relnamespace where i.relkind in ('i', 'I') and i.relispartition`,
  );
  return { extensions, partDrops: new Set(parts.map(({ sql }) => sql)) };
}

/** Lines of `pg_restore --list` without the extensions that are there already, schemas that hold them, and comments that only an owner may make. */
export function chooseEntries(
  list: string,
  present: Present['extensions'],
): { list: string; entries: number; /** In words. */ leftOut: string[] } {
  const extensions = new Set(present.map(({ name }) => name));
  const schemas = new Set(present.map(({ schema }) => schema));
  const leftOut: string[] = [];
  let entries = 0;
  const kept = list.split('\n').filter((line) => {
    const entry = /^\d+; \d+ \d+ (.+?) *$/.exec(line)?.[1];
    if (entry === undefined) return true;
    const extension = /^EXTENSION - (.+)$/.exec(entry)?.[1];
    const schema = /^SCHEMA - (.+?)(?: \S+)?$/.exec(entry)?.[1];
    const drop =
      entry.startsWith('COMMENT - EXTENSION ') ||
      entry.startsWith('COMMENT - SCHEMA public') ||
      (extension !== undefined && extensions.has(extension)) ||
      (schema !== undefined && schemas.has(schema));
    if (drop) leftOut.push(entry);
    else entries += 1;
    return !drop;
  });
  return { list: kept.join('\n'), entries, leftOut };
}

/** Drops stand before everything else in the script; what looks like one further on may be the text of a function. */
export function withoutImpossibleDrops(script: string, impossible: ReadonlySet<string>): string {
  const begins = script.search(/^CREATE /m);
  if (begins === -1) return script;
  const drops = script.slice(0, begins).split('\n');
  return drops.filter((line) => !impossible.has(line)).join('\n') + script.slice(begins);
}
