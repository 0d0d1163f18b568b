import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { LabMachine } from './machines.contract.ts';

/** The machines as the last `up` found them, for a process that did not bring them up. */
export function readMachines(directory: string): LabMachine[] {
  const file = join(directory, 'machines.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as LabMachine[]) : [];
}

export function writeMachines(directory: string, machines: LabMachine[]): void {
  writeFileSync(join(directory, 'machines.json'), `${JSON.stringify(machines, null, 2)}\n`);
}

/** The secret in that file, a new random one when it is absent. Mode 0600. */
export function ensureSecret(file: string, bytes: number, alphabet: 'base64' | 'base64url' = 'base64url'): string {
  if (!existsSync(file)) writeSecret(file, randomBytes(bytes).toString(alphabet));
  return readFileSync(file, 'utf8').trim();
}

export function writeSecret(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, text, { mode: 0o600 });
}

/** Writes a file on a machine's disk when it differs: an unchanged one keeps its time. */
export function writeMachineFile(file: string, text: string, mode: number): void {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
  chmodSync(file, mode);
}
