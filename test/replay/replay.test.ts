import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { Worker } from '@temporalio/worker';

import { workflowBundle } from '../support/temporalServer.ts';

interface RecordedHistory {
  events: { workflowExecutionStartedEventAttributes?: { workflowId?: string } }[];
}

const histories = join(import.meta.dirname, 'histories');

/** Under the id that it ran with: children have theirs from it. */
async function replay(text: string): Promise<void> {
  const history = JSON.parse(text) as RecordedHistory;
  const workflowId = history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId;
  await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history, workflowId);
}

/**
 * Every recorded history replays on the present code. When one does not: the change breaks runs under way. Either keep the old path with `patched()`, or let
 * the runs end on the old worker first (deploy/README.md, Upgrade) and record anew.
 */
describe('recorded histories', async () => {
  const types = await readdir(histories);
  assert.ok(types.length > 0, 'no history is recorded');
  for (const type of types)
    for (const file of await readdir(join(histories, type)))
      test(`${type}: ${file}`, async () => replay(await readFile(join(histories, type, file), 'utf8')));

  for (const [type, called] of [
    ['vitamColdBackup', 'findPrimary'],
    ['pixFullReplication', 'verifyBeside'],
    ['pixReplication', 'pixLearningContent'],
  ] as const)
    test(`a history that the code would not make is found: ${type}`, async () => {
      const text = await readFile(join(histories, type, 'completes.json'), 'utf8');
      assert.ok(text.includes(`"${called}"`));
      await assert.rejects(replay(text.replaceAll(`"${called}"`, '"another"')), { name: 'DeterminismViolationError' });
    });
});
