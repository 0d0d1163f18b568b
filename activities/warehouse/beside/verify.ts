import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import { failure } from '../../failure.ts';
import type { Connections } from '../../postgres/connections.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import { type BesideCopy, type ReplicaCheck } from './beside.contract.ts';
import { listCheckpoints } from './bookkeeping.ts';
import { sequencesOf } from './sequences.ts';
import { applicationOf } from '../sessionNames.ts';

const { next } = ownSchemas;

/**
 * Looks at the copy itself before it is used: rows counted again table by table against what the source sent in its snapshot, indexes valid and
 * as many as planned, foreign keys as configured, sequences beyond the highest value of their column.
 */
export async function verifyBesideOf(
  { session }: Connections,
  copy: BesideCopy,
  planned: { indexes: number; foreignKeys: number },
  signal: AbortSignal,
  onTable: (table: string) => void,
): Promise<ReplicaCheck> {
  return session(copy.target, { application: applicationOf(copy, 'verify'), signal }, async (target) => {
    const differences: string[] = [];
    const tables: ReplicaCheck['tables'] = [];
    for (const [item, { rows }] of await listCheckpoints(target, copy, 'copy/')) {
      const table = item.slice('copy/'.length);
      onTable(table);
      const { rows: counted } = await target.query<{ count: string }>(`select count(*) as count from only ${qualified(next, table)}`);
      const targetRows = Number(counted[0]?.count);
      tables.push({ table, sourceRows: rows, targetRows });
      if (targetRows !== rows) differences.push(`${table}: the source had ${rows} rows in the snapshot, the copy has ${targetRows}`);
    }
    const { rows: empty } = await target.query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = $1::regnamespace and relkind = 'r' and relname <> all($2::text[])`,
      [quoted(next), tables.map(({ table }) => table)],
    );
    for (const { name } of empty) differences.push(`${name}: was not copied`);
    const { rows: indexRows } = await target.query<{ name: string; valid: boolean }>(
      `select c.relname as name, i.indisvalid and i.indisready as valid from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace = $1::regnamespace`,
      [quoted(next)],
    );
    for (const { name, valid } of indexRows) if (!valid) differences.push(`index ${name} is not valid`);
    if (indexRows.length < planned.indexes) differences.push(`${planned.indexes} indexes were planned, ${indexRows.length} stand`);
    const { rows: keys } = await target.query<{ name: string; valid: boolean }>(
      `select conname as name, convalidated as valid from pg_constraint where connamespace = $1::regnamespace and contype = 'f' and conparentid = 0`,
      [quoted(next)],
    );
    for (const { name, valid } of keys) if (!valid) differences.push(`foreign key ${name} is not validated`);
    if (keys.length !== planned.foreignKeys) differences.push(`${planned.foreignKeys} foreign keys are configured, ${keys.length} stand`);
    const sequences = await sequencesOf(target, next);
    differences.push(...(await sequencesBehind(target)));
    if (differences.length > 0)
      throw failure(
        'ReplicaNotVerified',
        `${differences.length} differences between source and copy: ${differences.slice(0, 30).join('; ')}`,
        {
          differences: differences.slice(0, 200),
        },
      );
    return { tables, sequences: sequences.length, indexes: indexRows.length, constraints: keys.length, differences };
  });
}

async function sequencesBehind(target: pg.ClientBase): Promise<string[]> {
  const { rows } = await target.query<{ sequence: string; relation: string; attribute: string }>(
    `select s.relname as sequence, t.relname as relation, a.attname as attribute
     from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S' join pg_class t on t.oid = d.refobjid join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
     where s.relnamespace = $1::regnamespace and d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
       and exists (select from pg_sequence q where q.seqrelid = s.oid and q.seqincrement > 0 and not q.seqcycle)
       and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)`,
    [quoted(next)],
  );
  const behind: string[] = [];
  for (const { sequence, relation, attribute } of rows) {
    const { rows: found } = await target.query<{ last: string; max: string | null }>(
      `select last_value as last, (select max(${quoted(attribute)}) from ${qualified(next, relation)}) as max from ${qualified(next, sequence)}`,
    );
    const [{ last = '0', max = null } = {}] = found;
    // Rows that were given their number by hand may be beyond it in the source too: reported, not judged.
    if (max !== null && BigInt(last) === 1n && BigInt(max) > 1n)
      behind.push(`sequence ${sequence} is still at its start, ${relation}.${attribute} at ${max}`);
  }
  return behind;
}
