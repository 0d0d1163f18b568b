import type pg from 'pg';

import { failure } from '../failure.ts';
import { inTransaction } from '../postgres/transactions.ts';
import { giveWay, holdersInWords } from '../warehouse/swap/giveWay.ts';
import { replaceTables } from '../warehouse/swap/replaceTables.ts';
import { schemaExists } from '../warehouse/swap/catalog.ts';
import { qualified, quoted } from '../postgres/identifiers.ts';
import { checkLearningContent, faultInWords } from './checkLearningContent.ts';
import { learningContentRows } from './contentRows.ts';
import { fillTable } from '../postgres/copyText.ts';
import { contentTableNames, type ContentTableName, type LearningContent, type LearningContentReport } from './learningContent.contract.ts';
import { createIndexSql, createTableSql } from './tableDefinition.ts';
import { contentTables } from './tables.ts';

const faultsToldMax = 20;
const faultsKeptMax = 200;
const swapLimitSecondsDefault = 600;

export interface ContentLoad {
  /** Where readers look for the tables. */
  schema: string;
  /** Where the new tables are filled. */
  workSchema: string;
  /** Where the tables in use go; made when absent. */
  previousSchema: string;
  /** The answer of the learning content API, as parsed JSON. */
  body: unknown;
  /** Connected, in no transaction. */
  client: pg.ClientBase;
  /** How long a moment without readers may be waited for; default 600 s. */
  swapLimitSeconds?: number;
  signal?: AbortSignal;
  /** The last thing in the transaction. */
  beforeCommit?: (report: LearningContentReport) => Promise<void>;
  /** Told after each table is filled. */
  onTable?: (table: ContentTableName, rows: number) => void;
}

/**
 * Puts the answer into use as the eight tables of `schema`: the whole answer is judged first, new tables are filled in `workSchema`, then the
 * tables in use go to `previousSchema` (what it had of these eight is dropped) and the new ones come. All of it is one transaction, so nothing
 * is left behind by a crash. Grants are carried over, views of other people read the new tables afterwards.
 * Repeatable: a second call loads again. Readers with an older snapshot see the new rows too: they are loaded frozen.
 * Fails with LearningContentInvalid (every fault), BesideNotPossible (what cannot be moved), TargetBusy; errors of the driver pass as they are.
 */
export async function loadLearningContent(load: ContentLoad): Promise<LearningContentReport> {
  const { body, client, schema, workSchema, previousSchema, signal } = load;
  if (new Set([schema, workSchema, previousSchema]).size < 3)
    throw failure('InvalidInput', `learning content needs three different schemas, got ${[schema, workSchema, previousSchema].join(', ')}`);
  const content = requireContent(body);
  signal?.throwIfAborted();
  return inTransaction(client, async () => {
    await client.query(`set local search_path = ''`);
    const rows = await fillTables(client, workSchema, content, load);
    await ensureSchema(client, previousSchema);
    const holders = (): Promise<string> => holdersInWords(client, { schemas: [schema, previousSchema], names: contentTableNames });
    const what = 'the learning content';
    const swap = await giveWay(
      client,
      {
        within: 'savepoint',
        limitSeconds: load.swapLimitSeconds ?? swapLimitSecondsDefault,
        ...(signal ? { signal } : {}),
        what: `${what} was`,
        holders,
      },
      async (yielded) => ({
        yielded,
        ...(await replaceTables(client, { schema, workSchema, previousSchema, names: contentTableNames, what })),
      }),
    );
    const report = { rows, ...swap };
    await load.beforeCommit?.(report);
    return report;
  });
}

/** The statement wants the right to create schemas even when there is nothing to create. */
async function ensureSchema(client: pg.ClientBase, schema: string): Promise<void> {
  if (!(await schemaExists(client, schema))) await client.query(`create schema ${quoted(schema)}`);
}

function requireContent(body: unknown): LearningContent {
  const { content, faults } = checkLearningContent(body);
  if (content) return content;
  const told = faults.slice(0, faultsToldMax).map(faultInWords);
  const rest = faults.length > told.length ? `; and ${faults.length - told.length} more` : '';
  throw failure('LearningContentInvalid', `the learning content has ${faults.length} faults: ${told.join('; ')}${rest}`, {
    faultCount: faults.length,
    faults: faults.slice(0, faultsKeptMax),
  });
}

async function fillTables(
  client: pg.ClientBase,
  schema: string,
  content: LearningContent,
  { onTable, signal }: Pick<ContentLoad, 'onTable' | 'signal'>,
): Promise<LearningContentReport['rows']> {
  await ensureSchema(client, schema);
  const counts = { areas: 0, attachments: 0, competences: 0, tubes: 0, skills: 0, challenges: 0, courses: 0, tutorials: 0 };
  for (const name of contentTableNames) {
    const table = contentTables[name];
    const index = createIndexSql(schema, table);
    await client.query(`drop table if exists ${qualified(schema, name)}`);
    await client.query(createTableSql(schema, table));
    const rows = await fillTable(client, qualified(schema, name), learningContentRows(name, content[name]), signal);
    if (index !== null) await client.query(index);
    await client.query(`analyze ${qualified(schema, name)}`);
    counts[name] = rows;
    onTable?.(name, rows);
  }
  return counts;
}
