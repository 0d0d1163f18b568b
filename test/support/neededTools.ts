import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import type { ToolName } from '../../deploy/setup/installer.contract.ts';
import { toolNames } from '../../deploy/setup/tools.ts';

/** The tools that these files ask for, themselves or by what they import. One that is not seen here is installed when a test asks for it. */
export async function neededTools(files: readonly string[]): Promise<ToolName[]> {
  const seen = new Set<string>();
  const asked = new Set<string>();
  const look = async (file: string): Promise<void> => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = await readFile(file, 'utf8');
    for (const [, name = ''] of text.matchAll(/\btool\('(\w+)'/g)) asked.add(name);
    const imported = [...text.matchAll(/\bfrom '(\.[^']+\.ts)'/g)].map(([, path = '']) => resolve(dirname(file), path));
    await Promise.all(imported.map(look));
  };
  await Promise.all(files.map((file) => look(resolve(file))));
  return toolNames.filter((name) => asked.has(name));
}
