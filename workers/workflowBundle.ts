import { createHash } from 'node:crypto';
import { glob, mkdir, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';

import { childEnvironment } from '../activities/tools/childEnvironment.ts';

const root = join(import.meta.dirname, '..');
const bundler = fileURLToPath(new URL('./bundleWorkflows.ts', import.meta.url));
/** What a bundle is made of: workflows import from activities and from packages only (eslint.config.js). */
const sources = ['workflows/**/*.ts', 'activities/**/*.ts', 'package-lock.json', 'workers/bundleWorkflows.ts'];
const keptBundles = 5;

/**
 * Path of the code of all workflows, made once for each state of their sources and kept in `.nightshift/bundles`. Made in a process of its own: the
 * bundler needs some 800 MB, which a worker would then hold as long as it lives. Throws what the bundler says.
 */
export async function workflowBundleFile(): Promise<string> {
  const folder = await bundleFolder();
  const file = join(folder, `workflows-${await digestOfSources()}.js`);
  if (await exists(file)) return file;
  const { exitCode, stderr } = await execa(process.execPath, ['--disable-warning=ExperimentalWarning', bundler, file], {
    reject: false,
    stdin: 'ignore',
    extendEnv: false,
    env: childEnvironment(),
  });
  if (exitCode !== 0) throw new Error(`the workflows could not be bundled: ${stderr.slice(-4_000)}`);
  await removeOldest(folder);
  return file;
}

/** A project folder that cannot be written to has its bundles among the temporary files, for this user alone. */
async function bundleFolder(): Promise<string> {
  const own = join(root, '.nightshift', 'bundles');
  try {
    await mkdir(own, { recursive: true });
    return own;
  } catch {
    const elsewhere = join(tmpdir(), `nightshift-bundles-${process.getuid?.() ?? 'user'}`);
    await mkdir(elsewhere, { recursive: true, mode: 0o700 });
    if ((await stat(elsewhere)).uid !== process.getuid?.()) throw new Error(`${elsewhere} belongs to somebody else`);
    return elsewhere;
  }
}

async function digestOfSources(): Promise<string> {
  const files: string[] = [];
  for await (const file of glob(sources, { cwd: root })) files.push(file);
  const hash = createHash('sha256');
  for (const file of files.sort()) {
    hash.update(`${file}\0`);
    hash.update(await readFile(join(root, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

/** A process that reads an older one has it open already; one that is about to makes it anew. */
async function removeOldest(folder: string): Promise<void> {
  const bundles = await Promise.all(
    (await readdir(folder)).map(async (name) => {
      const path = join(folder, name);
      return { path, mtimeMs: (await stat(path).catch(() => null))?.mtimeMs ?? 0 };
    }),
  );
  for (const { path } of bundles.sort((a, b) => b.mtimeMs - a.mtimeMs).slice(keptBundles)) await rm(path, { force: true });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
