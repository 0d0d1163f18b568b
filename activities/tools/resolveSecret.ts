import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { failure } from '../failure.ts';
import type { ResolveSecret } from '../hosts/host.ts';

export interface SecretSources {
  /** Folders that hold one file per secret, looked through in this order. */
  directories: readonly string[];
}

/** Reads secrets by name, fresh at every call, so that a rotated secret is used by the next attempt. Values are never logged or kept. */
export function createSecretResolver({ directories }: SecretSources): ResolveSecret {
  return async (name) => {
    if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(name)) {
      throw failure(
        'InvalidInput',
        `the name of a secret may hold letters, digits, dot, dash and underscore only: ${JSON.stringify(name)}`,
      );
    }
    const lookedFor: string[] = [];
    for (const directory of directories) {
      const file = join(directory, name);
      lookedFor.push(file);
      const text = await readSecretFile(name, file);
      if (text !== undefined) return text;
    }
    throw failure('SecretMissing', `secret "${name}" was not found: ${lookedFor.join(', ') || 'no place to look is configured'}`, { name });
  };
}

async function readSecretFile(name: string, file: string): Promise<string | undefined> {
  try {
    // Editors end a file with a newline that is no part of a password.
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw failure('SecretMissing', `secret "${name}" cannot be read from ${file}: ${code ?? 'unknown error'}`, { name });
  }
}
