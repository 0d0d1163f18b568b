// `npm test`: sets up what is missing, checks types, lint and format, runs every test. `npm test -- workflows` runs one folder.
import { glob } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { Command } from 'commander';

import { ensureDebianPackages } from '../deploy/setup/debianPackages.ts';
import { ensureDebianPostgres } from '../deploy/setup/debianPostgres.ts';
import { installEverything } from '../deploy/setup/tools.ts';
import { checkAll } from './check.ts';
import { neededTools } from './support/neededTools.ts';
import { runFiles } from './support/runFiles.ts';

const root = join(import.meta.dirname, '..');
/** Most files wait more than they work and run two at a time; these use both processors. */
const alone = ['test/workflows/vitam/everyStep.test.ts'];

await new Command('npm test --')
  .description(
    'Runs the tests. Parts that this machine cannot have (systemd hosts without root) are skipped loudly; REQUIRE_REAL=1 makes that a failure.',
  )
  .argument('[folders...]', 'folders below test/, for example "workflows" or "activities/mongo"; default: all, after the checks')
  .option('--no-check', 'without types, lint and format')
  .action(async (folders: string[], { check }: { check: boolean }) => {
    try {
      const files = await filesBelow(folders);
      await setUp(files, (line) => console.log(line));
      if (check && folders.length === 0 && !(await checkAll())) throw new Error('checks failed: tests were not run');
      process.exitCode = await runTests(files);
    } catch (error) {
      console.error(`npm test: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    }
  })
  .parseAsync();

/** Paths from the project folder, in order. Throws when there is none. */
async function filesBelow(folders: string[]): Promise<string[]> {
  const patterns =
    folders.length === 0
      ? ['test/**/*.test.ts']
      : folders.map((folder) => (folder.endsWith('.ts') ? folder : `test/${folder}/**/*.test.ts`));
  const files: string[] = [];
  for await (const file of glob(patterns, { cwd: root })) files.push(relative(root, join(root, file)));
  if (files.length === 0) throw new Error(`no test file matches ${patterns.join(', ')}`);
  return files.sort();
}

/** What the no-root parts need must be there; what only the systemd machines and PostgreSQL 15 need is installed as root, else those tests are skipped loudly. */
async function setUp(files: string[], say: (line: string) => void): Promise<void> {
  await ensureDebianPackages(say);
  await ensureDebianPackages(say, 'systemd').catch((error: unknown) =>
    say(`systemd machines: ${error instanceof Error ? error.message : String(error)}`),
  );
  await ensureDebianPackages(say, 'copies');
  await ensureDebianPostgres(say).catch((error: unknown) =>
    say(`PostgreSQL 15: ${error instanceof Error ? error.message : String(error)}`),
  );
  await installEverything(say, await neededTools(files.map((file) => join(root, file))));
}

async function runTests(files: string[]): Promise<number> {
  // Each file is a process: what the former ones compiled is not compiled again.
  process.env['NODE_COMPILE_CACHE'] ??= join(root, '.nightshift', 'compile-cache');
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const { signal } = stop;
  const isGood = await runFiles({
    files,
    alone,
    atOnceMax: 2,
    cwd: root,
    timeoutMs: 2_400_000,
    output: process.stdout,
    signal,
  });
  return isGood ? 0 : 1;
}
