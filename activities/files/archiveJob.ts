import { posix } from 'node:path';

import { failure } from '../failure.ts';
import type { HostRef } from '../hosts/hosts.contract.ts';
import { checkPath, readScripts } from '../hosts/hostScript.ts';
import { checkJobName } from '../jobs/hostJobs.ts';
import type { JobCommand, JobLook } from '../jobs/jobs.contract.ts';
import { endOf } from '../tools/redact.ts';
import type { Archive, ArchiveJob, ArchiveProgress } from './files.contract.ts';

const archiveScript = readScripts(import.meta.url)('archive.sh');
/** Exit code of archive.sh for a source that was not at rest. */
const sourceRan = 20;

export function checkArchiveJob({ job, source, target, level, mustBeEmpty }: ArchiveJob): void {
  checkJobName(job);
  checkPath(source);
  checkPath(target);
  if (!Number.isInteger(level) || level < 1 || level > 19)
    throw failure('InvalidInput', `zstd level ${level} is not between 1 and 19`, { job });
  for (const file of mustBeEmpty) {
    const isPlain = file !== '' && !file.startsWith('/') && posix.normalize(file) === file && !file.startsWith('..');
    if (!isPlain) throw failure('InvalidInput', `${JSON.stringify(file)} is not a path below ${source}`, { job });
  }
}

export function archiveCommand({ source, target, level, mustBeEmpty }: ArchiveJob): JobCommand {
  return { command: ['bash', '-c', archiveScript, 'nightshift', source, target, String(level), ...mustBeEmpty] };
}

/** The archive under the name that it has while it is written. */
export function partOf({ target }: ArchiveJob): string {
  return `${target}.part`;
}

/** The archive of a job that ended well, or how far it is; throws when it ended otherwise. */
export function judgeArchive(ref: HostRef, { job, target, source }: ArchiveJob, look: JobLook): ArchiveProgress {
  const place = `copy job ${job} of ${source} on ${ref.name}`;
  const log = endOf(look.log, 1_000);
  const failed = (how: string): Error =>
    failure('ArchiveFailed', `${place} ${how}${log === '' ? '' : `; its log ends: ${log}`}`, { host: ref.name, job, exit: look.exitCode });

  switch (look.state) {
    case 'running': {
      const { doneBytes, totalBytes, writtenBytes, elapsedSeconds } = look;
      return { state: 'running', sourceBytes: doneBytes, sourceTotalBytes: totalBytes, writtenBytes, elapsedSeconds };
    }
    case 'absent':
      throw failed('is not known on the host: forgotten, or its state is lost');
    case 'lost':
      throw failed('is gone without a result: killed, or the host was restarted');
    case 'ended': {
      if (look.exitCode === sourceRan) throw failure('SourceRanDuringCopy', `${place}: ${log}`, { host: ref.name, job });
      if (look.exitCode !== 0) throw failed(`ended with exit code ${look.exitCode}`);
      const made = JSON.parse(look.outcome) as Pick<Archive, 'sizeBytes' | 'sha256' | 'sourceBytes'>;
      if (look.writtenBytes !== made.sizeBytes) throw failed(`recorded ${made.sizeBytes} bytes, but ${target} has ${look.writtenBytes}`);
      return { state: 'done', archive: { host: ref.name, file: target, ...made, elapsedSeconds: look.elapsedSeconds } };
    }
  }
}
