import { redact, showControlCharacters } from '../tools/redact.ts';
import type { JobLook } from './jobs.contract.ts';

/** A job whose process has not begun yet is no job for others: startJob waits for it. */
export type JobStatus = Omit<JobLook, 'state'> & { state: JobLook['state'] | 'waiting' };

/** What jobStatus.sh tells of a job. */
export function readJobStatus(text: string): JobStatus {
  const values = new Map(text.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const));
  const number = (name: string): number => Number(values.get(name) ?? 0) || 0;
  const told = (name: string): string => Buffer.from(values.get(name) ?? '', 'base64').toString('utf8');
  const [doneBytes = 0, totalBytes = 0] = told('progress').trim().split(/\s+/).map(Number);
  const exit = values.get('exit');
  const log = told('log');
  // Progress bars begin each line anew with a carriage return.
  const line =
    log
      .trim()
      .split(/[\r\n]+/)
      .at(-1) ?? '';
  return {
    state: readState(values.get('job'), exit !== undefined),
    exitCode: exit === undefined ? null : Number(exit),
    outcome: told('outcome'),
    elapsedSeconds: exit === undefined ? number('elapsed') : number('took'),
    doneBytes: doneBytes || 0,
    totalBytes: totalBytes || 0,
    writtenBytes: number('written'),
    line: readable(line).slice(-300),
    log: readable(log.replaceAll('\r', '\n')),
  };
}

function readable(text: string): string {
  return showControlCharacters(redact(text)).trim();
}

function readState(word: string | undefined, hasResult: boolean): JobStatus['state'] {
  if (word === 'waiting' || word === 'running') return word;
  if (word === 'ended') return hasResult ? 'ended' : 'lost';
  return 'absent';
}
