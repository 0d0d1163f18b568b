import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Command } from 'commander';
import { parse, stringify } from 'yaml';

import { faultsOf } from '../../workflows/runbook/definitionFiles.schema.ts';
import { orderDocument, platformDocument } from '../../workflows/vitam/platform.schema.ts';
import { platformOfInventory, type ImportedPlatform } from './platformOfInventory.ts';
import { readInventory } from './readInventory.ts';

interface Options {
  name?: string;
  output?: string;
  force?: boolean;
}

const usualOrder = join(import.meta.dirname, '..', '..', 'deploy', 'platforms', 'orders', 'upstream-7.0.yaml');

/** `ops import-platform INVENTORY…`: the inventory with which VITAM was deployed becomes a platform file, and what is still to be given is told. */
export function addImportPlatform(program: Command): void {
  program
    .command('import-platform')
    .description("write a VITAM platform file from Ansible's inventory, with the group_vars and host_vars beside it; nothing is decrypted")
    .argument('<inventory...>', 'in the form of INI or YAML')
    .option('--name <name>', 'of the platform; default: vitam_site_name')
    .option('--output <file>', 'default: standard output')
    .option('--force', 'overwrite the output')
    .action(async (files: string[], { name, output, force }: Options) => {
      const order = orderDocument.parse(parse(await readFile(usualOrder, 'utf8')));
      const imported = platformOfInventory(name, await readInventory(files), order);
      const { document, faults } = imported;
      if (faults.length > 0)
        return fail(`${files.join(', ')}: ${faults.length} faults`, ...faults.map(({ path, message }) => `  ${path}: ${message}`));
      const remarks = remarksOn(imported);
      const text = `${stringify(document)}\n${remarks.map((line) => `# ${line}\n`).join('')}`;
      if (output === undefined) return void process.stdout.write(text);
      try {
        await writeFile(output, text, { flag: force ? 'w' : 'wx' });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        return fail(`${output} is there already and is kept; --force overwrites it`);
      }
      for (const line of [`${output}: written`, ...remarks, `check it: npm run ops -- check ${output}`]) console.log(line);
    });
}

/** The end of the file: what `check` will ask for, secrets, and what a person should know. */
function remarksOn({ document, secrets, notes }: ImportedPlatform): string[] {
  const parsed = platformDocument.safeParse(document);
  const asked = parsed.success ? [] : faultsOf(parsed.error).map(({ path, message }) => `  ${path}: ${message}`);
  return [
    ...(asked.length === 0 ? [] : ['still to be given; npm run ops -- check names each until it is:', ...asked]),
    'a host key is what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints on the host',
    ...(secrets.length === 0 ? [] : [`secrets that the worker needs: ${secrets.join(', ')}`]),
    ...notes.map((note) => `note: ${note}`),
  ];
}

function fail(...lines: string[]): void {
  for (const line of lines) console.error(line);
  process.exitCode = 1;
}
