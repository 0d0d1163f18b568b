import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { compareTables } from '../../../deploy/lab/postgres/compareTables.ts';
import { findDebianPostgres } from '../../../deploy/setup/debianPostgres.ts';
import { openBesideBench } from '../../support/besideBench.ts';

// Crossing versions is where such tools break: the client tools are 18's in both directions.
const missing = findDebianPostgres() === null && process.env.REQUIRE_REAL !== '1' ? 'NOT TESTED: postgresql-15 is not installed' : false;

describe('a copy beside across versions', { skip: missing }, () => {
  for (const [source, target] of [
    ['15', '18'],
    ['18', '15'],
  ] as const)
    test(`from PostgreSQL ${source} to ${target}: twice, every table equal`, async () => {
      const bench = await openBesideBench({ source, target });
      try {
        await bench.sql('source', await readFile(join(import.meta.dirname, 'unusual.sql'), 'utf8'));
        const tables = ['users', 'knowledge-elements', 'parted', '_under', 'kept'];
        for (const run of ['run-1', 'run-2']) {
          const swap = await bench.replicate(bench.copy(run));
          assert.ok(swap.moved > 20);
          assert.deepEqual(
            (await compareTables({ ...bench.urls, tables })).filter(({ equal }) => !equal),
            [],
          );
        }
      } finally {
        await bench.end();
      }
    });
});
