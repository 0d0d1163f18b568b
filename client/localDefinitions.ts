import { basename, dirname, extname } from 'node:path';

import { createSecretResolver } from '../activities/tools/resolveSecret.ts';
import { readFolders } from '../workers/settings.ts';
import { openDefinitions, type Definitions } from '../workflows/runbook/system.schema.ts';
import { systems } from '../workflows/systems.schema.ts';

/** The definitions that the environment names, without a server. */
export function localDefinitions(): Definitions {
  const { definitions, secrets } = readFolders();
  return openDefinitions(systems, definitions, createSecretResolver({ directories: secrets }));
}

/** The definitions beside a file, and the name of that one; a plain name is looked for in the folders of the environment. */
export function definitionsBeside(target: string): { definitions: Definitions; name: string } {
  const extension = extname(target);
  if (extension !== '.yaml' && extension !== '.yml') return { definitions: localDefinitions(), name: target };
  const { secrets } = readFolders();
  const definitions = openDefinitions(systems, [dirname(target)], createSecretResolver({ directories: secrets }));
  return { definitions, name: basename(target, extension) };
}
