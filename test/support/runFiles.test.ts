import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { execa } from 'execa';

const runner = join(import.meta.dirname, 'runFiles.ts');
/** Two that wait for each other, one that nobody may run beside, one with every outcome, one that does not load. */
const sources = {
  'left.mjs': meeting('left', 'right'),
  'right.mjs': meeting('right', 'left'),
  'alone.mjs': `import { existsSync } from 'node:fs';
    test('is alone', () => assert.ok(existsSync('left.ended') && existsSync('right.ended')));`,
  'mixed.mjs': `describe('mixed', () => { test('holds', () => {}); test('fails', () => assert.equal(1, 2)); test('skips', { skip: true }, () => {}); });`,
  'broken.mjs': `throw new Error('does not load');`,
};

function meeting(own: string, other: string): string {
  return `import { existsSync, writeFileSync } from 'node:fs';
    writeFileSync('${own}.began', '');
    test('${own} says', async () => {
      console.log('# ${own} 1');
      while (!existsSync('${other}.began')) await new Promise((resolve) => setTimeout(resolve, 10));
      console.log('# ${own} 2');
      writeFileSync('${own}.ended', '');
    });`;
}

describe('test files run two at a time', { concurrency: 1 }, () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ns-files-'));
    for (const [name, source] of Object.entries(sources))
      await writeFile(join(directory, name), `import assert from 'node:assert';\nimport { describe, test } from 'node:test';\n${source}\n`);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  /** In a process of its own: within a test, node runs no files. */
  async function runAll(files: string[]): Promise<{ isGood: boolean; printed: string }> {
    const options = { files, alone: ['alone.mjs'], atOnceMax: 2, cwd: directory, timeoutMs: 60_000 };
    const program = join(directory, 'program.mjs');
    await writeFile(
      program,
      `import { runFiles } from ${JSON.stringify(runner)};
       const options = ${JSON.stringify(options)};
       process.exitCode = (await runFiles({ ...options, output: process.stdout, signal: new AbortController().signal })) ? 0 : 7;`,
    );
    const { exitCode, stdout } = await execa(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
      ...{ cwd: directory, reject: false, stderr: 'ignore', env: { NODE_TEST_CONTEXT: undefined } },
    });
    assert.ok(exitCode === 0 || exitCode === 7, stdout);
    return { isGood: exitCode === 0, printed: stdout };
  }

  test('each file is printed whole, one summary counts all, and a file that wants to be alone is', async () => {
    const { isGood, printed } = await runAll(['alone.mjs', 'left.mjs', 'right.mjs']);
    assert.ok(isGood, printed);
    assert.match(printed, /# left 1\n# left 2\n✔ left says [^\n]+\n# right 1\n# right 2\n✔ right says [^\n]+\n✔ is alone/);
    assert.match(printed, /ℹ tests 3\nℹ suites 0\nℹ pass 3\nℹ fail 0\nℹ cancelled 0\nℹ skipped 0\nℹ todo 0\nℹ duration_ms [\d.]+\s*$/);
    assert.equal(printed.split('ℹ tests').length, 2);
    assert.ok(existsSync(join(directory, 'left.ended')));
  });

  test('one test that fails, or one file that does not load, makes the whole fail and is named at its end', async () => {
    const { isGood, printed } = await runAll(['left.mjs', 'right.mjs', 'mixed.mjs', 'broken.mjs']);
    assert.ok(!isGood);
    assert.match(printed, /ℹ tests 6\nℹ suites 1\nℹ pass 3\nℹ fail 2\nℹ cancelled 0\nℹ skipped 1\n/);
    assert.match(printed, /failing tests:[^]*✖ fails[^]*✖ broken\.mjs/);
  });
});
