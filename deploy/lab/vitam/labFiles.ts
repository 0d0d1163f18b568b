import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { LabShape } from './platform.ts';
import type { StandInKnobs } from './standIns/standIn.contract.ts';

/** What a lab directory remembers of its first `up`. */
export interface LabSettings {
  shape: LabShape;
  megabytesPerShard: number;
  machines: 'supervisor' | 'systemd';
  seed: number;
}

const containers = 3;
const objectsPerContainer = 120;
const objectBytes = 10_000;

export function readSettings(directory: string): LabSettings | null {
  const file = join(directory, 'lab.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as LabSettings) : null;
}

export function writeSettings(directory: string, settings: LabSettings): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'lab.json'), `${JSON.stringify(settings, null, 2)}\n`);
}

/** Changes the faults of one stand-in; `null` takes one away. Written by rename: the stand-in reads at any moment. */
export function changeKnobs(file: string, changes: Record<string, unknown>): StandInKnobs {
  const set: Record<string, unknown> = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>) : {};
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete set[name];
    else set[name] = value;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(set));
  renameSync(`${file}.new`, file);
  return set;
}

/** Archived objects as a storage keeps them: some megabytes of small files, the same for the same seed. Left alone when there. */
export function ensureStorageFiles(directory: string, seed: number): number {
  const done = join(directory, 'containers.txt');
  const total = containers * objectsPerContainer * objectBytes;
  if (existsSync(done)) return total;
  const names: string[] = [];
  for (let container = 0; container < containers; container += 1) {
    const folder = join(directory, `${container}_object`);
    mkdirSync(folder, { recursive: true });
    for (let object = 0; object < objectsPerContainer; object += 1) {
      const key = createHash('sha256').update(`${seed}/${container}/${object}`).digest('hex');
      const blocks = Array.from({ length: Math.ceil(objectBytes / 64) }, (_, block) =>
        createHash('sha512').update(`${key}/${block}`).digest(),
      );
      writeFileSync(join(folder, key), Buffer.concat(blocks).subarray(0, objectBytes));
      names.push(`${container}_object/${key}`);
    }
  }
  writeFileSync(done, `${names.join('\n')}\n`);
  return total;
}
