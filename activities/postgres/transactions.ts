import type pg from 'pg';

/** Begins a transaction that sees one moment of the server and writes nothing; it takes no transaction number, so a standby serves as well. */
export async function beginReading(client: pg.ClientBase): Promise<void> {
  await client.query('begin isolation level repeatable read, read only');
}

/** All of the work or nothing of it. */
export async function inTransaction<Result>(client: pg.ClientBase, work: () => Promise<Result>): Promise<Result> {
  await client.query('begin');
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    // On a connection that is gone nothing can be taken back: the first error is the one to tell.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
