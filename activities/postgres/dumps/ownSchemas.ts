import { besideSchemas } from '../beside/beside.contract.ts';
import { loadSchemas } from '../incremental/defineTable.ts';

/** Schemas where copies are built, and where yesterday's waits for an undo: no part of the database's content. */
export const workSchemas: readonly string[] = [
  besideSchemas.next,
  besideSchemas.previous,
  ...Object.values(loadSchemas),
  'nightshift_content_next',
  'nightshift_content_previous',
];

/** All of ours, the bookkeeping too. */
export const ownSchemas: readonly string[] = [besideSchemas.bookkeeping, ...workSchemas];

/** Arguments of pg_dump that leave schemas out, each by its exact name. */
export function without(schemas: readonly string[]): string[] {
  return schemas.map((name) => `--exclude-schema="${name}"`);
}
