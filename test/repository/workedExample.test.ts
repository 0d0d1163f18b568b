import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { execa } from 'execa';

import { tool } from '../../deploy/setup/tools.ts';
import { addedLines, applyChange, changesOf, type Change } from './workedExample.ts';

const root = join(import.meta.dirname, '..', '..');
const copied = ['activities', 'client', 'deploy', 'test', 'workers', 'workflows', 'package.json', 'package-lock.json', 'tsconfig.json'];
const placesMax = 6;
const linesMax = 60;

describe('the worked example of workflows/README.md', () => {
  let tree: string;
  let changes: Change[];
  before(async () => {
    // What the example's own test starts.
    await tool('temporal');
    changes = changesOf(await readFile(join(root, 'workflows', 'README.md'), 'utf8'), 'Add a procedure');
    tree = await mkdtemp(join(tmpdir(), 'nightshift-example-'));
    for (const name of copied) await cp(join(root, name), join(tree, name), { recursive: true });
    await symlink(join(root, 'node_modules'), join(tree, 'node_modules'));
    await mkdir(join(tree, '.nightshift'));
    await symlink(join(root, '.nightshift', 'tools'), join(tree, '.nightshift', 'tools'));
    for (const change of changes) await applyChange(tree, change);
  });
  after(() => rm(tree, { recursive: true, force: true }));

  /** In the copy, as a program of its own: not as a part of the present run of tests. */
  const node = (...args: string[]) =>
    execa(process.execPath, args, { cwd: tree, reject: false, all: true, stdin: 'ignore', env: { NODE_TEST_CONTEXT: undefined } });
  const runTests = (...args: string[]) => node('--test', '--disable-warning=ExperimentalWarning', ...args);

  async function typeFaults(): Promise<string> {
    const files = changes.map(({ path }) => path).filter((path) => path.endsWith('.ts'));
    // The second time only what has changed is checked.
    const compilerOptions = { incremental: true, tsBuildInfoFile: './example.tsbuildinfo' };
    await writeFile(
      join(tree, 'tsconfig.example.json'),
      JSON.stringify({ extends: './tsconfig.json', compilerOptions, include: [], files }),
    );
    const { exitCode, all } = await node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.example.json');
    return exitCode === 0 ? '' : all;
  }

  test('is small: five places in the code and a row for operators', () => {
    assert.ok(changes.length > 0, 'no block of code was found');
    assert.equal(changes.length, placesMax);
    const lines = changes.flatMap(addedLines).length;
    assert.ok(lines <= linesMax, `${lines} lines`);
  });

  test('has no fault of type; one that it had would be found', async () => {
    assert.equal(await typeFaults(), '');
    const file = join(tree, changes[0]?.path ?? '');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('checkHost(', 'checkHosts('));
    assert.match(await typeFaults(), /Property 'checkHosts' does not exist/);
    await writeFile(file, text);
  });

  test('passes its own test', async () => {
    const own = changes.map(({ path }) => path).filter((path) => path.endsWith('.test.ts'));
    assert.equal(own.length, 1);
    const { exitCode, all } = await runTests(...own);
    assert.equal(exitCode, 0, all);
    assert.match(all, /^ℹ pass 1$/m);
  });

  test('leaves out nothing that the repository asks of a procedure', async () => {
    const { exitCode, all } = await runTests('--test-name-pattern', 'every workflow type', 'test/repository/rules.test.ts');
    assert.equal(exitCode, 0, all);
    assert.match(all, /^ℹ pass 1$/m);
  });

  test('lines that are to be added beside others that are not there are told', async () => {
    const [change] = changes.filter(({ kind }) => kind === 'diff');
    assert.ok(change);
    await assert.rejects(applyChange(tree, { ...change, text: ` no such line\n+another line\n` }), /not once in .*:\nno such line/);
  });
});
