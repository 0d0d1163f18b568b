import type pg from 'pg';

/** Begins a transaction that sees one moment of the server and writes nothing; it takes no transaction number, so a standby serves as well. */
export async function beginReading(client: pg.ClientBase): Promise<void> {
  await client.query('begin isolation level repeatable read, read only');
}
