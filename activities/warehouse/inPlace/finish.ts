import type pg from 'pg';

import { writeCheckpoint } from '../beside/bookkeeping.ts';
import { applicationOf } from '../sessionNames.ts';
import { tablesOf } from '../beside/tables.ts';
import type { Connections } from '../../postgres/connections.ts';
import { literal, qualified, quoted } from '../../postgres/identifiers.ts';
import { enrichmentOf } from './enrichment.ts';
import { checkpoints, forgetTaken, ownerOf, readTaken } from './empty.ts';
import type { FinishedTarget, InPlaceCopy } from './inPlace.contract.ts';

/** Compatibility views, enrichment indexes, statistics, and what the emptying took from others. Every part looks first whether it stands. */
export async function finishInPlaceOf(
  { session }: Connections,
  copy: InPlaceCopy,
  { memoryMegabytes, signal, onPart }: { memoryMegabytes: number; signal: AbortSignal; onPart: (part: string) => void },
): Promise<FinishedTarget> {
  return session(copy.target, { application: applicationOf(copy, 'finish'), signal }, async (target) => {
    await target.query("set search_path = ''");
    await target.query(`set maintenance_work_mem = ${literal(`${memoryMegabytes}MB`)}`);
    const made: string[] = [];
    const make = async (what: string, sql: string): Promise<void> => {
      onPart(what);
      await target.query(sql);
      made.push(what);
    };
    const tables = await tablesOf(target, copy.schema, copy.kept);
    const names = new Set(tables.map(({ name }) => name));
    for (const { name, over } of copy.compatibilityViews)
      if (names.has(over) && !(await standsIn(target, copy.schema, name)))
        await make(`view ${name}`, `create view ${qualified(copy.schema, name)} as select * from ${qualified(copy.schema, over)}`);
    const warnings: string[] = [];
    for (const { index, state } of await enrichmentOf(target, copy)) {
      const { name, table, on } = index;
      if (state === 'taken') warnings.push(`enrichment index ${name} on ${table} is not made: something else has its name`);
      if (state === 'notValid') await target.query(`drop index ${qualified(copy.schema, name)}`);
      if (state === 'notValid' || state === 'absent')
        await make(`index ${name}`, `create index ${quoted(name)} on ${qualified(copy.schema, table)} ${on}`);
    }
    const returned = await giveBack(target, copy);
    for (const { name } of tables) {
      onPart(`statistics of ${name}`);
      await target.query(`analyze ${qualified(copy.schema, name)}`);
    }
    return { made: [...made, ...returned.made], warnings: [...warnings, ...returned.warnings] };
  });
}

async function standsIn(target: pg.ClientBase, schema: string, name: string): Promise<boolean> {
  const { rows } = await target.query('select from pg_class where relnamespace = $1::regnamespace and relname = $2', [
    quoted(schema),
    name,
  ]);
  return rows.length > 0;
}

/** Views of others and grants, in one transaction with the note of what could not be made: that waits for the next run. */
async function giveBack(target: pg.ClientBase, copy: InPlaceCopy): Promise<FinishedTarget> {
  const taken = await readTaken(target, copy);
  const [made, warnings]: [string[], string[]] = [[], []];
  await target.query('begin');
  const attempt = async (what: string, sql: string): Promise<boolean> => {
    await target.query('savepoint attempt');
    try {
      await target.query(sql);
      return true;
    } catch (error) {
      await target.query('rollback to attempt');
      warnings.push(`${what} could not be made again: ${(error as Error).message}`);
      return false;
    }
  };
  const views: typeof taken.views = [];
  for (const view of taken.views) {
    const { rows } = await target.query<{ there: string | null }>('select to_regclass($1)::text as there', [view.name]);
    if (rows[0]?.there) continue;
    if (await attempt(`view ${view.name}`, view.sql)) made.push(`view ${view.name}`);
    else views.push(view);
  }
  for (const sql of taken.grants) await attempt(`"${sql}"`, sql);
  await forgetTaken(target, copy);
  await writeCheckpoint(target, ownerOf(copy), checkpoints.emptied, {
    facts: { ...taken, views, grants: views.length > 0 ? taken.grants : [] },
  });
  await writeCheckpoint(target, ownerOf(copy), checkpoints.defined, { facts: { items: 0, stood: 0, warnings: [] } });
  await target.query('commit');
  return { made, warnings };
}
