import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

import type { Command } from 'commander';
import { stringify } from 'yaml';

import { readPixEnvironment } from './readPixEnvironment.ts';

interface Options {
  name: string;
  replicas: string;
  secrets: string;
}

/** `ops import-replica FILE`: the environment of the old tool becomes a replica file and secret files; neither is ever overwritten. */
export function addImportReplica(program: Command): void {
  program
    .command('import-replica')
    .description('write a replica file, and a file per secret, from the environment of pix-db-replication')
    .argument('<file>', 'lines NAME=value, as in its .env')
    .option('--name <name>', 'of the replica', 'pix')
    .option('--replicas <folder>', 'where the replica file goes', 'deploy/definitions')
    .option('--secrets <folder>', 'where the secret files go (mode 600)', '.nightshift/secrets')
    .action(async (file: string, { name, replicas, secrets }: Options) => {
      const { imported, faults } = readPixEnvironment(name, parseEnv(await readFile(file, 'utf8')));
      if (!imported) {
        console.error(`${file}: ${faults.length} faults`);
        for (const { path, message } of faults) console.error(`  ${path}: ${message}`);
        process.exitCode = 1;
        return;
      }
      await mkdir(replicas, { recursive: true });
      await mkdir(secrets, { recursive: true, mode: 0o700 });
      const target = join(replicas, `${name}.yaml`);
      const files = [
        [target, stringify(imported.document), 0o644],
        ...[...imported.secrets].map(([each, value]) => [join(secrets, each), value, 0o600]),
      ] as [string, string, number][];
      try {
        for (const [path, text, mode] of files) await writeFile(path, text, { flag: 'wx', mode });
      } catch (error) {
        const { code, path } = error as { code?: string; path?: string };
        if (code !== 'EEXIST') throw error;
        console.error(`${path ?? 'a file'} is there already and is kept; move it away, or give another --name`);
        process.exitCode = 1;
        return;
      }
      console.log(`${target}: written, with ${imported.secrets.size} secrets in ${secrets}`);
      for (const note of imported.notes) console.log(`  note: ${note}`);
      console.log(`check it: npm run ops -- check ${target}`);
    });
}
