import type pg from 'pg';

import { failure } from '../failure.ts';
import { qualified, quoted } from '../postgres/identifiers.ts';
import { schemaExists } from '../warehouse/swap/catalog.ts';
import { defaultGrants } from '../warehouse/swap/defaultGrants.ts';
import { dependentsInWords, dependentsOf } from '../warehouse/swap/dependents.ts';
import { giveWay, holdersInWords } from '../warehouse/swap/giveWay.ts';
import { grantsLike } from '../warehouse/swap/grants.ts';
import { moveObject } from '../warehouse/swap/move.ts';
import { bindAgain, lockWithViews } from '../warehouse/swap/views.ts';
import { findContentTables } from './contentCatalog.ts';
import { contentTableNames, type LearningContentReport } from './learningContent.contract.ts';

export interface ContentSchemas {
  /** Where readers look for the tables. */
  schema: string;
  /** Where the new tables stand ready. */
  workSchema: string;
  /** Where the tables in use go; made when absent. */
  previousSchema: string;
}

type Swap = Omit<LearningContentReport, 'rows'>;

/**
 * Moves the tables inside the transaction under way. All locks are asked for at once and given up together when readers hold them too long;
 * then they go first and it is tried again.
 */
export async function swapContentTables(
  client: pg.ClientBase,
  schemas: ContentSchemas,
  { limitSeconds, signal }: { limitSeconds: number; signal?: AbortSignal },
): Promise<Swap> {
  if (!(await schemaExists(client, schemas.previousSchema))) await client.query(`create schema ${quoted(schemas.previousSchema)}`);
  const holders = (): Promise<string> =>
    holdersInWords(client, { schemas: [schemas.schema, schemas.previousSchema], names: contentTableNames });
  return giveWay(
    client,
    { within: 'savepoint', limitSeconds, ...(signal ? { signal } : {}), what: 'the learning content was', holders },
    async (yielded) => ({ yielded, ...(await swapOnce(client, schemas)) }),
  );
}

async function swapOnce(client: pg.ClientBase, { schema, workSchema, previousSchema }: ContentSchemas): Promise<Omit<Swap, 'yielded'>> {
  const current = await findContentTables(client, schema);
  const former = await findContentTables(client, previousSchema);
  const { views, beganMs } = await lockWithViews(client, {
    relations: [...current.map(({ name }) => qualified(schema, name)), ...former.map(({ name }) => qualified(previousSchema, name))],
    objects: current,
    refusal: 'these depend on the learning content and would keep the old one',
  });
  const grants = await grantsLike(client, { from: schema, to: workSchema });
  const inUse = new Set(current.map(({ name }) => name));
  const coming = contentTableNames.filter((name) => !inUse.has(name));
  for (const sql of [...grants, ...(await defaultGrants(client, { schema, workSchema, tables: coming }))]) await client.query(sql);

  const stuck = await dependentsOf(client, former);
  if (stuck.length > 0)
    throw failure('BesideNotPossible', `these depend on the former learning content in ${previousSchema}: ${dependentsInWords(stuck)}`);
  for (const { name } of former) await client.query(`drop table ${qualified(previousSchema, name)}`);
  for (const object of current) await moveObject(client, object, schema, previousSchema);
  for (const name of contentTableNames) await moveObject(client, { kind: 'table', name, args: '' }, workSchema, schema);
  await bindAgain(client, views, 'the new learning content');
  return { rebound: views.map(({ name }) => name), lockedMs: Math.round(performance.now() - beganMs) };
}
