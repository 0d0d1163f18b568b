import type pg from 'pg';

import { failure } from '../failure.ts';
import { isRelation, objectInWords, objectsOf, type SchemaObject } from '../warehouse/swap/catalog.ts';
import { contentTableNames } from './learningContent.contract.ts';

const names = new Set<string>(contentTableNames);

/** Those of the eight that stand in the schema. Throws BesideNotPossible when something that is no table has one of the names. */
export async function findContentTables(client: pg.ClientBase, schema: string): Promise<SchemaObject[]> {
  const relations = (await objectsOf(client, schema)).filter((object) => names.has(object.name) && isRelation(object));
  const others = relations.filter(({ kind }) => kind !== 'table');
  if (others.length > 0)
    throw failure(
      'BesideNotPossible',
      `schema ${schema} has something else in place of a table of the learning content: ${others.map(objectInWords).join('; ')}`,
    );
  return relations;
}
