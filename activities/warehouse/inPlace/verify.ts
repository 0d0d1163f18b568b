import { failure } from '../../failure.ts';
import type { ReplicaCheck } from '../beside/beside.contract.ts';
import { positionOf, sequencesOf } from '../beside/sequences.ts';
import { applicationOf } from '../sessionNames.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import { enrichmentOf } from './enrichment.ts';
import { needDump, type InPlaceContext } from './dump.ts';
import type { InPlaceCopy } from './inPlace.contract.ts';
import { chooseNow } from './restore.ts';
import { partsOf } from './sourceFacts.ts';

/**
 * Judges the target by what the archive holds, not by an exit code: rows as in the dump's snapshot, indexes and keys standing and valid, positions equal;
 * and the enrichment indexes, which no archive holds.
 */
export async function verifyInPlaceOf(
  context: InPlaceContext,
  copy: InPlaceCopy,
  signal: AbortSignal,
  onTable: (table: string) => void,
): Promise<ReplicaCheck> {
  const dump = await needDump(context, copy);
  const { content } = dump.marker;
  return context.connections.session(copy.target, { application: applicationOf(copy, 'verify'), signal }, async (target) => {
    const differences: string[] = [];
    const tables: ReplicaCheck['tables'] = [];
    for (const [table, sourceRows] of Object.entries(content.rows)) {
      onTable(table);
      const { rows } = await target.query<{ there: string | null }>('select to_regclass($1)::text as there', [
        qualified(copy.schema, table),
      ]);
      if (!rows[0]?.there) {
        differences.push(`${table}: is missing`);
        continue;
      }
      const { rows: counted } = await target.query<{ count: string }>(
        `select count(*) as count from only ${qualified(copy.schema, table)}`,
      );
      const targetRows = Number(counted[0]?.count);
      tables.push({ table, sourceRows, targetRows });
      if (targetRows !== sourceRows) differences.push(`${table}: the dump has ${sourceRows} rows, the target has ${targetRows}`);
    }
    const standing = new Set((await partsOf(target, copy)).values());
    const { expected } = await chooseNow(context, copy, dump, target, true);
    for (const part of expected)
      if (!standing.has(part)) differences.push(`${(JSON.parse(part) as string[]).join(' ')}: is missing or not valid`);
    const planned = new Set(expected);
    const enrichment = (await enrichmentOf(target, copy)).filter(({ index }) => !planned.has(JSON.stringify(['index', index.name])));
    for (const { index, state } of enrichment)
      if (state === 'absent' || state === 'notValid')
        differences.push(`enrichment index ${index.name} on ${index.table}: ${state === 'absent' ? 'is missing' : 'is not valid'}`);
    const { rows: keys } = await target.query<{ name: string; table: string; valid: boolean }>(
      `select k.conname as name, t.relname as table, k.convalidated as valid from pg_constraint k join pg_class t on t.oid = k.conrelid
       where k.connamespace = $1::regnamespace and k.contype = 'f' and k.conparentid = 0 and t.relname <> all($2::text[])`,
      [quoted(copy.schema), copy.kept],
    );
    for (const { name, table, valid } of keys)
      if (planned.has(JSON.stringify(['constraint', table, name])) && !valid) differences.push(`foreign key ${name} is not validated`);
    const there = new Set(await sequencesOf(target, copy.schema));
    for (const [name, wanted] of Object.entries(content.sequences)) {
      const found = there.has(name) ? await positionOf(target, copy.schema, name) : null;
      if (found?.last !== wanted.last || found.called !== wanted.called)
        differences.push(`sequence ${name}: is at ${found?.last ?? 'nothing'}, in the dump at ${wanted.last}`);
    }
    if (differences.length > 0)
      throw failure(
        'ReplicaNotVerified',
        `${differences.length} differences between dump and target: ${differences.slice(0, 30).join('; ')}`,
        {
          differences: differences.slice(0, 200),
        },
      );
    const dumped = expected.filter((part) => (JSON.parse(part) as string[])[0] === 'index').length;
    const indexes = dumped + enrichment.filter(({ state }) => state === 'valid').length;
    return { tables, sequences: Object.keys(content.sequences).length, indexes, constraints: keys.length, differences };
  });
}
