// `npm run check`: types, lint and format of the whole tree.
import { join } from 'node:path';

import { execa } from 'execa';

const root = join(import.meta.dirname, '..');
const checks = [
  ['types', 'typescript/bin/tsc', '-p', '.'],
  ['lint', 'eslint/bin/eslint.js', '.'],
  ['format', 'prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
] as const;

/** Runs every check, telling the output of those that fail. Answers whether all passed. */
export async function checkAll(): Promise<boolean> {
  let passed = true;
  for (const [name, program, ...args] of checks) {
    const beganMs = Date.now();
    const { failed, all } = await execa(process.execPath, [join(root, 'node_modules', program), ...args], {
      cwd: root,
      reject: false,
      all: true,
      stdin: 'ignore',
    });
    console.log(`${name}: ${failed ? 'FAILED' : 'ok'} (${((Date.now() - beganMs) / 1000).toFixed(1)} s)`);
    if (failed) console.log(all);
    passed &&= !failed;
  }
  return passed;
}

if (import.meta.main && !(await checkAll())) process.exitCode = 1;
