import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { test } from 'node:test';

import { workflowBundleFile } from '../../workers/workflowBundle.ts';

test('the bundle of the workflows is made once for each state of their sources, and holds them', async () => {
  const file = await workflowBundleFile();
  const { mtimeMs } = await stat(file);
  assert.equal(await workflowBundleFile(), file);
  assert.equal((await stat(file)).mtimeMs, mtimeMs);
  const code = await readFile(file, 'utf8');
  for (const name of ['vitamColdBackup', 'pixReplication']) assert.ok(code.includes(`function ${name}(`), name);
});
