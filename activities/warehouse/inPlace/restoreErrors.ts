import { saysLostConnection } from '../../postgres/clientTools.ts';
import { failure } from '../../failure.ts';
import { endOf, redact } from '../../tools/redact.ts';
import type { Kept } from './keptTool.ts';

/** Entries without which all data, keys and indexes are there: their errors are reported and let pass. Every other error fails the restore. */
const dispensable = [
  'COMMENT',
  'EXTENSION',
  'ACL',
  'DEFAULT ACL',
  'SECURITY LABEL',
  'PUBLICATION',
  'PUBLICATION TABLE',
  'SUBSCRIPTION',
  'EVENT TRIGGER',
];

interface RestoreError {
  /** "COMMENT - EXTENSION pgcrypto"; null for what is about no entry. */
  entry: string | null;
  said: string;
}

/** Errors in pg_restore's error output; an entry is named once for all its errors. */
export function readRestoreErrors(log: string): RestoreError[] {
  const errors: RestoreError[] = [];
  let entry: string | null = null;
  for (const line of log.split('\n')) {
    const [, named] = /^pg_restore: from TOC entry \d+; \d+ \d+ (.*)$/.exec(line) ?? [];
    if (named !== undefined) entry = named.trim();
    const [, said] = /^pg_restore: error: (.*)$/.exec(line) ?? [];
    if (said !== undefined)
      errors.push({ entry: said.startsWith('could not execute query') || said.startsWith('COPY failed') ? entry : null, said });
  }
  return errors;
}

/** Its exit code alone says only that something was ignored: the rules decide what may be. @returns what was let pass, in words. */
export function judgeRestore(kept: Kept): string[] {
  if (kept.exitCode === 0) return [];
  const errors = readRestoreErrors(kept.log);
  const wentOn = /^pg_restore: warning: errors ignored on restore: \d+/m.test(kept.log);
  const isDispensable = ({ entry }: RestoreError): boolean => entry !== null && dispensable.some((kind) => entry.startsWith(`${kind} `));
  if (!wentOn || errors.length === 0 || !errors.every(isDispensable)) throw toolFailure('pg_restore', kept);
  return errors.map(({ entry, said }) => `not restored: ${entry ?? ''}: ${said.replace(/^could not execute query: /, '')}`);
}

export function toolFailure(tool: string, { exitCode, log }: Kept): Error {
  const lines = log.trim().split('\n');
  const telling = lines.filter((line) => /error|fatal|detail|hint|TOC entry|Command was/i.test(line));
  const told = redact(endOf((telling.length > 0 ? telling : lines).slice(-24).join('; '), 1200));
  const message = `${tool} ended with ${exitCode}: ${told}`;
  if (/No space left on device|could not extend file/i.test(told)) return failure('DiskSpaceInsufficient', message);
  if (saysLostConnection(told)) return failure('PostgresUnreachable', message);
  if (/deadlock detected|lock timeout|out of shared memory/i.test(told)) return failure('PostgresBusy', message);
  return failure('PostgresFailed', message);
}
