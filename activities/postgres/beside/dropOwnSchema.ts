import type pg from 'pg';

import { failure } from '../../failure.ts';
import { quoted } from '../identifiers.ts';
import { objectsOf, schemaExists } from '../swap/catalog.ts';
import { dependentsInWords, dependentsOf } from '../swap/dependents.ts';

/** Drops a schema of ours with everything in it; refuses when anything outside depends on it, since CASCADE would take that too. */
export async function dropOwnSchema(target: pg.ClientBase, schema: string): Promise<void> {
  if (!(await schemaExists(target, schema))) return;
  const outside = await dependentsOf(target, await objectsOf(target, schema));
  if (outside.length > 0)
    throw failure('BesideNotPossible', `schema ${schema} cannot be dropped: these depend on it: ${dependentsInWords(outside)}`);
  await target.query(`drop schema ${quoted(schema)} cascade`);
}
