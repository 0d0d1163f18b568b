import { basename, extname } from 'node:path';

import { readYaml, type Fault } from '../../workflows/runbook/definitions.schema.ts';
import type { System } from '../../workflows/runbook/system.schema.ts';

/** A definition file of that system, with its faults. @param changes over its fields. */
export async function readDefinition<Definition extends object>(
  system: System,
  file: string,
  changes: object = {},
  name = basename(file, extname(file)),
): Promise<{ definition: Definition | null; faults: Fault[] }> {
  const yaml = await readYaml(file);
  if ('faults' in yaml) return { definition: null, faults: yaml.faults };
  return (await system.read(name, yaml.value, file, changes)) as { definition: Definition | null; faults: Fault[] };
}

/** For definitions that name no secret. */
export async function noSecrets(name: string): Promise<string> {
  throw new Error(`no secret ${name} in this test`);
}
