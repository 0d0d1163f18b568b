import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import { readLiveObjects } from '../beside/bookkeeping.ts';
import { objectKey } from '../swap/catalog.ts';
import { tablesOf, type SourceTable } from '../beside/tables.ts';
import type { Connections } from '../../postgres/connections.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import { absentOnStandby } from '../../postgres/standby.ts';
import type { Finding, ReplicaInspection, ReplicaSides } from './checks.contract.ts';

const application = 'nightshift verify';

export async function inspectReplicaOf({ session }: Connections, sides: ReplicaSides, signal: AbortSignal): Promise<ReplicaInspection> {
  const { schema } = sides;
  const excluded = Object.keys(sides.tables).filter((table) => sides.tables[table] === 'none');
  const [source, absent] = await session(sides.source, { application, signal }, async (client) => [
    await tablesOf(client, schema, excluded),
    new Set(await absentOnStandby(client, { schema, kept: excluded })),
  ]);
  return session(sides.target, { application, signal }, async (client) => {
    const target = await tablesOf(client, schema, excluded);
    const brought = await broughtTables(client, sides);
    const indexes = await invalidIndexes(client, schema);
    const sequences = await sequencesBehind(client, sides);
    const findings = [...missingTables(sides, source, target, brought), ...indexes.findings, ...sequences.findings];
    for (const { name } of source)
      if (absent.has(name))
        findings.push({ level: 'note', subject: name, what: 'is unlogged: a standby does not have its rows, they are not counted' });
    const onTarget = new Map(target.map((table) => [table.name, table]));
    const onSource = new Set(source.map(({ name }) => name));
    return {
      tables: source
        .flatMap(({ name, relkind, bytes }) => {
          const other = onTarget.get(name);
          // A partitioned table has its rows in its partitions, which are counted themselves.
          return other && relkind === 'r' && other.relkind === 'r' && !absent.has(name)
            ? [{ name, bytes: Math.max(bytes, other.bytes) }]
            : [];
        })
        .sort((a, b) => b.bytes - a.bytes),
      othersOnTarget: target.filter(({ name }) => !onSource.has(name) && !brought?.has(name)).length,
      indexes: indexes.count,
      sequences: sequences.count,
      findings,
    };
  });
}

/** Names of the tables that the last swap brought; null when no swap of the replica is on record. */
async function broughtTables(client: pg.ClientBase, { replica, schema }: ReplicaSides): Promise<Set<string> | null> {
  const { rows } = await client.query<{ there: string | null }>('select to_regclass($1) as there', [
    `${ownSchemas.bookkeeping}.live_object`,
  ]);
  if (!rows[0]?.there) return null;
  const keys = await readLiveObjects(client, replica);
  if (keys.size === 0) return null;
  const { rows: relations } = await client.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p')`,
    [quoted(schema)],
  );
  const named = (name: string): string => objectKey({ kind: 'table', name, args: '' }, [schema]);
  const names = new Set(relations.map(({ name }) => name).filter((name) => keys.has(named(name))));
  // Those that were brought and are gone now have no relation to be asked for.
  for (const key of keys) {
    const name = /^relation (.*)\(\)$/s.exec(key)?.[1];
    if (name !== undefined) names.add(name);
  }
  return names;
}

/** A table that came into being on the source after the last swap cannot be on the target yet. */
function missingTables(
  { tables: modes, source: { name: sourceName } }: ReplicaSides,
  source: readonly SourceTable[],
  target: readonly SourceTable[],
  brought: ReadonlySet<string> | null,
): Finding[] {
  const onTarget = new Set(target.map(({ name }) => name));
  const onSource = new Set(source.map(({ name }) => name));
  const findings: Finding[] = [];
  for (const { name } of source) {
    if (onTarget.has(name)) continue;
    const late = brought !== null && !brought.has(name) && modes[name] === undefined;
    findings.push({
      level: late ? 'note' : 'fault',
      subject: name,
      what: late ? `is new on the ${sourceName} since the last replication` : 'is missing on the target',
    });
  }
  for (const name of brought ?? [])
    if (onTarget.has(name) && !onSource.has(name))
      findings.push({ level: 'note', subject: name, what: `is no longer on the ${sourceName}` });
  return findings;
}

async function invalidIndexes(client: pg.ClientBase, schema: string): Promise<{ count: number; findings: Finding[] }> {
  const { rows } = await client.query<{ name: string; relation: string; valid: boolean }>(
    `select c.relname as name, t.relname as relation, i.indisvalid and i.indisready and i.indislive as valid
     from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid where c.relnamespace = $1::regnamespace order by 1`,
    [quoted(schema)],
  );
  return {
    count: rows.length,
    findings: rows
      .filter(({ valid }) => !valid)
      .map(({ name, relation }) => ({ level: 'fault', subject: name, what: `index of ${relation} is not valid: no query uses it` })),
  };
}

/** An incremental table has its rows by COPY, and nobody draws from its sequence: that one is no fault. */
async function sequencesBehind(client: pg.ClientBase, { schema, tables }: ReplicaSides): Promise<{ count: number; findings: Finding[] }> {
  const { rows } = await client.query<{ sequence: string; relation: string; attribute: string }>(
    `select s.relname as sequence, t.relname as relation, a.attname as attribute
     from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S' join pg_class t on t.oid = d.refobjid join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
     where s.relnamespace = $1::regnamespace and t.relnamespace = s.relnamespace and d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
       and exists (select from pg_sequence q where q.seqrelid = s.oid and q.seqincrement > 0 and not q.seqcycle)
       and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) order by 1`,
    [quoted(schema)],
  );
  const findings: Finding[] = [];
  let count = 0;
  for (const { sequence, relation, attribute } of rows) {
    if (tables[relation] !== undefined) continue;
    count += 1;
    const { rows: found } = await client.query<{ last: string; highest: string }>(
      `select s.last_value as last, (select max(${quoted(attribute)}) from ${qualified(schema, relation)}) as highest
       from ${qualified(schema, sequence)} s where (select max(${quoted(attribute)}) from ${qualified(schema, relation)}) > s.last_value`,
    );
    const [behind] = found;
    if (behind)
      findings.push({
        level: 'fault',
        subject: sequence,
        what: `is at ${behind.last}, ${relation}.${attribute} is already at ${behind.highest}`,
      });
  }
  return { count, findings };
}
