import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { Worker } from '@temporalio/worker';

import { workflowBundle } from '../support/temporalServer.ts';

const histories = join(import.meta.dirname, 'histories');

/**
 * Every recorded history replays on the present code. When one does not: the change breaks runs under way. Either keep the old path with `patched()`, or let
 * the runs end on the old worker first (deploy/README.md, Upgrade) and record anew.
 */
describe('recorded histories', async () => {
  const types = await readdir(histories);
  assert.ok(types.length > 0, 'no history is recorded');
  for (const type of types)
    for (const file of await readdir(join(histories, type)))
      test(`${type}: ${file}`, async () => {
        const history: unknown = JSON.parse(await readFile(join(histories, type, file), 'utf8'));
        await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history);
      });

  test('a history that the code would not make is found', async () => {
    const [type = ''] = types;
    const text = await readFile(join(histories, type, 'completes.json'), 'utf8');
    const other = JSON.parse(text.replaceAll('"findPrimary"', '"findAnotherPrimary"')) as unknown;
    await assert.rejects(Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, other), { name: 'DeterminismViolationError' });
  });
});
