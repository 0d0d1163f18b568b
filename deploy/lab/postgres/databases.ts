import { Client, escapeIdentifier, escapeLiteral } from 'pg';

import type { NewDatabase } from './postgres.contract.ts';

/** A database with an owner that is no superuser, as a warehouse has it; repeatable. */
export async function createDatabase(superuserUrl: string, { name, owner, password }: NewDatabase): Promise<void> {
  const client = new Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    // A statement that fails would stand in the server's log, with the password.
    await client.query(`SET log_min_error_statement = panic`);
    const { rowCount: roles } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [owner]);
    await client.query(`${roles ? 'ALTER' : 'CREATE'} ROLE ${escapeIdentifier(owner)} LOGIN PASSWORD ${escapeLiteral(password)}`);
    const { rowCount: databases } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (!databases) await client.query(`CREATE DATABASE ${escapeIdentifier(name)} OWNER ${escapeIdentifier(owner)}`);
  } finally {
    await client.end();
  }
}
