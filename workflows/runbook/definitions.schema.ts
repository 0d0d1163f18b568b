import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { isNode, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';

/** A fault in a file or request: where, and what is wrong, in words that name the remedy. */
export interface Fault {
  path: string;
  message: string;
  /** In the file. */
  line?: number;
}

/** Name of a definition, host, secret …. */
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

/** Defaults within defaults: an absent block is an empty one. */
export const orEmpty = <Shape extends z.ZodType>(schema: Shape) => z.preprocess((value) => value ?? {}, schema);

const seconds = z.number().positive();

/** How a run deals with trouble: the block `policy` of every definition. @param own further fields of the system, and other defaults. */
export const policyDocument = <Own extends z.ZodRawShape>(own: Own) =>
  orEmpty(
    z.strictObject({
      onStepFailure: z.enum(['unwind', 'hold']).default('unwind'),
      holdSeconds: seconds.default(1800),
      questionSeconds: seconds.default(900),
      restoreLimitSeconds: seconds.default(7200),
      historyEventsMax: z.int().min(100).max(45_000).default(40_000),
      ...own,
    }),
  );

export function faultsInWords(what: string, faults: Fault[]): string {
  return `${what} has ${faults.length} fault${faults.length === 1 ? '' : 's'}: ${faults.map(({ path, line, message }) => `${path === '' ? '(whole)' : path}${line === undefined ? '' : ` (line ${line})`}: ${message}`).join(' | ')}`;
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

/** A file that was read: its value, and the line of each path in it; or why it cannot be read. */
export type YamlFile = { value: unknown; lineOf: (path: string) => number | null } | { faults: Fault[]; absent: boolean };

export async function readYaml(file: string): Promise<YamlFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return { absent: true, faults: [{ path: '', message: `cannot be read: ${error instanceof Error ? error.message : String(error)}` }] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { uniqueKeys: true, merge: true, lineCounter: lines });
  if (document.errors.length > 0)
    return {
      absent: false,
      faults: document.errors.map((error) => ({
        path: `line ${error.linePos?.[0].line ?? '?'}`,
        message: error.message.split('\n')[0] ?? '',
      })),
    };
  return {
    value: document.toJS() as unknown,
    lineOf: (path) => {
      for (let keys = path.split('.'); keys.length > 0; keys = keys.slice(0, -1)) {
        const node: unknown = document.getIn(
          keys.map((key) => (/^\d+$/.test(key) ? Number(key) : key)),
          true,
        );
        if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
      }
      return null;
    },
  };
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
