import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { Worker } from '@temporalio/worker';

import { systems } from '../../workflows/systems.schema.ts';
import { workflowBundle } from '../support/temporalServer.ts';

interface RecordedHistory {
  events: { workflowExecutionStartedEventAttributes?: { workflowId?: string } }[];
}

/** A folder per release. */
const releases = join(import.meta.dirname, 'histories');

/** Under the id that it ran with: children have theirs from it. */
async function replay(text: string): Promise<void> {
  const history = JSON.parse(text) as RecordedHistory;
  const workflowId = history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId;
  await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history, workflowId);
}

function byNumbers(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/**
 * Every history of the last release replays on the present code. When one does not: the change breaks runs under way. Keep the old path with `patched()`; or
 * make it a release that says in its notes (deploy/CHANGELOG.md) that the runs must end on the old worker first, and record its histories beside the old ones.
 */
describe('histories of the last release', async () => {
  const [last = ''] = (await readdir(releases)).sort(byNumbers).reverse();
  const histories = join(releases, last);
  const types = await readdir(histories);
  assert.ok(types.length > 0, 'no history is recorded');

  test('every workflow type has one', () => {
    assert.deepEqual(
      systems.flatMap((system) => system.types).filter((type) => !types.includes(type)),
      [],
    );
  });

  test('the release is the one of package.json, or the one before it, and has its notes', async () => {
    const { version } = JSON.parse(await readFile(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')) as { version: string };
    assert.ok(byNumbers(last, version) <= 0, `histories of ${last}, package.json says ${version}`);
    const notes = await readFile(join(import.meta.dirname, '..', '..', 'deploy', 'CHANGELOG.md'), 'utf8');
    assert.ok(notes.includes(`\n## ${last}\n`), `${last} has no notes`);
  });

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
