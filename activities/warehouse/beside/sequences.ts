import type pg from 'pg';

import { ownSchemas } from '../warehouse.contract.ts';
import type { Connections } from '../../postgres/connections.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import { type BesideCopy, type HeldSnapshot } from './beside.contract.ts';
import { beginInSnapshot } from './snapshot.ts';
import { applicationOf } from '../sessionNames.ts';

const { next } = ownSchemas;

interface Position {
  name: string;
  last: string;
  called: boolean;
}

/** Names of the schema's sequences, owned or standing alone, identity columns' too. */
export async function sequencesOf(client: pg.ClientBase, schema: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = $1::regnamespace and relkind = 'S'
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = pg_class.oid and d.deptype = 'e') order by 1`,
    [quoted(schema)],
  );
  return rows.map(({ name }) => name);
}

export async function positionOf(client: pg.ClientBase, schema: string, name: string): Promise<Position> {
  const { rows } = await client.query<{ last: string; called: boolean }>(
    `select last_value as last, is_called as called from ${qualified(schema, name)}`,
  );
  return { name, last: rows[0]?.last ?? '1', called: rows[0]?.called ?? false };
}

/**
 * Gives the copy's sequences the positions of the source's. Sequences are not part of a snapshot: a position may be later than the rows, never earlier.
 */
export async function setSequencesOf(
  { session }: Connections,
  copy: BesideCopy,
  snapshot: HeldSnapshot,
  signal: AbortSignal,
): Promise<{ sequences: number }> {
  const application = applicationOf(copy, 'sequences');
  return session(copy.target, { application, signal }, async (target) => {
    const wanted = new Set(await sequencesOf(target, next));
    const positions = await session(copy.source, { application, signal }, async (source) => {
      await beginInSnapshot(source, snapshot);
      const found: Position[] = [];
      for (const name of await sequencesOf(source, copy.schema))
        if (wanted.has(name)) found.push(await positionOf(source, copy.schema, name));
      return found;
    });
    for (const { name, last, called } of positions)
      await target.query('select setval($1::regclass, $2, $3)', [qualified(next, name), last, called]);
    return { sequences: positions.length };
  });
}
