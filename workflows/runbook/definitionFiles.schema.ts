import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parseDocument } from 'yaml';
import { z } from 'zod';

import { failure } from '../../activities/failure.ts';

/** A fault in a file or request: where, and what is wrong, in words that name the remedy. */
export interface Fault {
  path: string;
  message: string;
}

/** Name of a platform, replica, host, secret …. */
export const definitionName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dot, dash, underscore; begins with a letter or digit');

export const timeZone = z.string().refine((value) => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return true;
  } catch {
    return false;
  }
}, 'an IANA time zone, for example "Europe/Paris"');

/** Every fault of a schema at once, each with its path. */
export function faultsOf(error: z.ZodError): Fault[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String).join('.');
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ path: path === '' ? key : `${path}.${key}`, message: 'unknown field' }));
    return [{ path, message: issue.message }];
  });
}

export function faultsInWords(what: string, faults: Fault[]): string {
  return `${what} has ${faults.length} fault${faults.length === 1 ? '' : 's'}: ${faults.map(({ path, message }) => `${path === '' ? '(whole)' : path}: ${message}`).join(' | ')}`;
}

/** The input of a procedure. Fails with InvalidInput, telling every fault. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw failure('InvalidInput', faultsInWords('the input', faultsOf(parsed.error)), { faults: faultsOf(parsed.error) });
}

/** Definition files of the directories: name to path; the first hit wins. */
export async function listDefinitionFiles(directories: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const directory of directories) {
    const entries = await readdir(directory).catch(() => [] as string[]);
    for (const entry of entries.sort()) {
      const name = /^(.+)\.ya?ml$/.exec(entry)?.[1];
      if (name && !found.has(name)) found.set(name, join(directory, entry));
    }
  }
  return found;
}

/** Path of one definition file. Fails with InvalidInput, naming those that exist. */
export async function findDefinitionFile(kind: string, directories: readonly string[], name: string): Promise<string> {
  const known = await listDefinitionFiles(directories);
  const file = known.get(name);
  if (!file) throw failure('InvalidInput', `${kind}: "${name}" is not described; described: ${[...known.keys()].join(', ') || 'none'}`);
  return file;
}

export async function readYaml(file: string): Promise<{ value: unknown } | { faults: Fault[]; absent: boolean }> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return { absent: true, faults: [{ path: '', message: `cannot be read: ${error instanceof Error ? error.message : String(error)}` }] };
  }
  const document = parseDocument(text, { uniqueKeys: true });
  if (document.errors.length > 0)
    return {
      absent: false,
      faults: document.errors.map((error) => ({
        path: `line ${error.linePos?.[0].line ?? '?'}`,
        message: error.message.split('\n')[0] ?? '',
      })),
    };
  return { value: document.toJS() as unknown };
}

/** Fields of a request over the fields of the file, deep; lists are replaced whole. */
export function mergeFields(base: unknown, change: unknown): unknown {
  if (change === undefined) return base;
  if (!isRecord(base) || !isRecord(change)) return change;
  // Another mechanism has other fields: nothing of the former one is kept.
  if (change.mechanism !== undefined && change.mechanism !== base.mechanism) return change;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(change)) if (value !== undefined) merged[key] = mergeFields(merged[key], value);
  return merged;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Without the keys whose value is undefined: JSON drops them too, so both sides of history look alike. */
export function dropUndefined<Value extends object>(value: Value): { [Key in keyof Value]: Exclude<Value[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
    [Key in keyof Value]: Exclude<Value[Key], undefined>;
  };
}
