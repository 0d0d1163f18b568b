import { readPlatformDirectories, readReplicaDirectories } from '../workers/settings.ts';
import type { Fault } from '../workflows/runbook/definitions.schema.ts';
import { openDefinitions } from '../workflows/runbook/system.schema.ts';
import { systems } from '../workflows/systems.schema.ts';

export interface CheckedFile {
  file: string;
  faults: Fault[];
}

/** Every fault of the files; without files, of all that the settings name. */
export async function checkFiles(files: readonly string[]): Promise<CheckedFile[]> {
  const directories = [...readPlatformDirectories(), ...readReplicaDirectories()];
  return openDefinitions(systems, directories, async () => '').check(files.length > 0 ? files : undefined);
}
