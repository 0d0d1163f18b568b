import { besideSchemas } from './beside/beside.contract.ts';
import { loadSchemas } from './incremental/incremental.contract.ts';
import { contentSchemas } from '../lcms/learningContent.contract.ts';
import { openDataSchema } from '../openData/openData.contract.ts';
import { ownSchema } from '../postgres/postgres.contract.ts';

/** Schemas where copies are built, and where yesterday's waits for an undo: no part of the database's content. */
export const workSchemas: readonly string[] = [
  besideSchemas.next,
  besideSchemas.previous,
  ...Object.values(loadSchemas),
  ...Object.values(contentSchemas),
  openDataSchema,
];

/** All of ours, the bookkeeping too. */
export const ownSchemas: readonly string[] = [ownSchema, ...workSchemas];

/** Arguments of pg_dump that leave schemas out, each by its exact name. */
export function without(schemas: readonly string[]): string[] {
  return schemas.map((name) => `--exclude-schema="${name}"`);
}
