import type pg from 'pg';

import { failure } from '../../failure.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import type { NamedObject, ObjectKind, SchemaObject } from './catalog.ts';

/** Dependents move before what they depend on: the written arguments of routines and operators name types. */
const order: ObjectKind[] = [
  'operator',
  'routine',
  'view',
  'materialized view',
  'foreign table',
  'table',
  'sequence',
  'statistics',
  'text search configuration',
  'text search dictionary',
  'collation',
  'domain',
  'type',
];

export function inMovingOrder(objects: readonly SchemaObject[]): SchemaObject[] {
  return [...objects].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

/** Fails with BesideNotPossible when other people have the name in the schema `to`. */
export async function moveObject(client: pg.ClientBase, object: NamedObject, from: string, to: string): Promise<void> {
  try {
    await client.query(`ALTER ${object.kind.toUpperCase()} ${named(object, from)} SET SCHEMA ${quoted(to)}`);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (!['42P07', '42710', '42723'].includes(code ?? '')) throw error;
    throw failure(
      'BesideNotPossible',
      `${object.kind} ${object.name} cannot come into schema ${to}: ${message}; the name belongs to other people there`,
    );
  }
}

/** With all that depends on it: the caller knows that this is only what goes too. */
export async function dropObject(client: pg.ClientBase, object: NamedObject, from: string): Promise<void> {
  await client.query(`DROP ${object.kind.toUpperCase()} IF EXISTS ${named(object, from)} CASCADE`);
}

function named({ kind, name, args }: NamedObject, schema: string): string {
  // An operator's name is no identifier.
  if (kind === 'operator') return `${quoted(schema)}.${name} (${args})`;
  return `${qualified(schema, name)}${kind === 'routine' ? `(${args})` : ''}`;
}
