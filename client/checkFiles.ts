import { basename, extname } from 'node:path';

import { readPlatformDirectories, readReplicaDirectories } from '../workers/settings.ts';
import { readReplicaFile } from '../workflows/pix/requests.schema.ts';
import { listDefinitionFiles, readYaml, type Fault } from '../workflows/runbook/definitionFiles.schema.ts';
import { readPlatformFile } from '../workflows/vitam/requests.schema.ts';

export interface CheckedFile {
  file: string;
  faults: Fault[];
}

/** Every fault of the files; without files, of all that the settings name. A file with a source and a target is a replica, any other a platform. */
export async function checkFiles(files: readonly string[]): Promise<CheckedFile[]> {
  const directories = [...readPlatformDirectories(), ...readReplicaDirectories()];
  const wanted =
    files.length > 0
      ? files
      : (await Promise.all(directories.map(async (each) => [...(await listDefinitionFiles([each])).values()]))).flat();
  return Promise.all(
    wanted.map(async (file) => {
      const replica = await isReplica(file);
      const { faults } = replica ? await readReplicaFile(basename(file, extname(file)), file) : await readPlatformFile(file);
      return { file, faults };
    }),
  );
}

async function isReplica(file: string): Promise<boolean> {
  const document = await readYaml(file);
  return (
    'value' in document &&
    typeof document.value === 'object' &&
    document.value !== null &&
    ('source' in document.value || 'target' in document.value)
  );
}
