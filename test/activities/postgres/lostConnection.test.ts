import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { createClientTools } from '../../../activities/postgres/clientTools.ts';
import { toolFailure } from '../../../activities/warehouse/inPlace/restoreErrors.ts';
import { failsWith } from '../../support/failures.ts';

const lost = [
  'pg_dump: error: query failed: could not receive data from server: Connection reset by peer',
  'pg_dump: detail: Error message from server: SSL SYSCALL error: EOF detected',
  'pg_dump: detail: Error message from server: server closed the connection unexpectedly',
  'psql: error: connection to server at "127.0.0.1", port 1 failed: Connection refused',
  'psql:play.sql:7: error: could not send data to server: Broken pipe',
  'pg_restore: error: could not execute query: no connection to the server',
  'FATAL:  terminating connection due to administrator command',
];

describe('a client tool whose server went away', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ns-tools-'));
    await writeFile(join(folder, 'pg_dump'), '#!/bin/sh\necho "$1" >&2\nexit 1\n');
    await chmod(join(folder, 'pg_dump'), 0o755);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('fails as unreachable, whatever it could still read of the end', async () => {
    const tools = createClientTools(folder);
    for (const said of lost) {
      await assert.rejects(tools.run('pg_dump', [said], { application: 'test' }), failsWith('PostgresUnreachable', 'pg_dump ended with 1'));
      assert.equal((toolFailure('pg_restore', { exitCode: 1, log: said }) as { type?: string }).type, 'PostgresUnreachable', said);
    }
    await assert.rejects(
      tools.run('pg_dump', ['error: relation "x" does not exist'], { application: 'test' }),
      failsWith('PostgresFailed'),
    );
  });
});
