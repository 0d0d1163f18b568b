import { posix } from 'node:path';

import { failure } from '../failure.ts';
import type { Host } from '../hosts/host.ts';
import type { HostRef } from '../hosts/hosts.contract.ts';
import { endOf, redact, showControlCharacters } from '../tools/redact.ts';
import type { Archive, ArchiveJob } from './files.contract.ts';
import { checkPath, readScript, runScript } from './hostScript.ts';
import { readJobStatus, type JobStatus } from './jobStatus.ts';

const archiveScript = readScript('archive.sh');
const startScript = readScript('startJob.sh');
const statusScript = readScript('jobLife.sh', 'jobStatus.sh');
const discardScript = readScript('jobLife.sh', 'discardJob.sh');
const forgetScript = readScript('jobLife.sh', 'forgetJob.sh');

/** Exit code of archive.sh for a source that was not at rest. */
const sourceRan = 20;

export function checkJob({ job, source, target, level, mustBeEmpty }: ArchiveJob): void {
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

export function checkJobName(job: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,180}$/.test(job))
    throw failure('InvalidInput', `${JSON.stringify(job)} is not the name of a job`, { job });
}

export function jobsDirectory(ref: HostRef): string {
  return posix.join(ref.stateDirectory, 'jobs');
}

export async function startJob(host: Host, { job, source, target, level, mustBeEmpty }: ArchiveJob): Promise<void> {
  const state = stateOf(host.ref, job);
  await runScript(host, startScript, [
    state,
    target,
    job,
    managerOf(host.ref),
    archiveScript,
    state,
    source,
    target,
    String(level),
    ...mustBeEmpty,
  ]);
}

export async function readJob(host: Host, { job, target }: ArchiveJob): Promise<JobStatus> {
  const { stdout } = await runScript(host, statusScript, [stateOf(host.ref, job), target]);
  return readJobStatus(stdout);
}

export async function discardJob(host: Host, { job, target }: ArchiveJob, finished: 'keep' | 'remove'): Promise<void> {
  await runScript(host, discardScript, [stateOf(host.ref, job), target, job, managerOf(host.ref), finished], { timeoutSeconds: 120 });
}

export async function forgetJob(host: Host, { job }: ArchiveJob): Promise<void> {
  await runScript(host, forgetScript, [stateOf(host.ref, job), job, managerOf(host.ref)]);
}

/** The archive of a job that ended well, undefined while it is under way; throws when it ended otherwise. */
export function judgeJob(ref: HostRef, { job, target, source }: ArchiveJob, status: JobStatus): Archive | undefined {
  const place = `copy job ${job} of ${source} on ${ref.name}`;
  const log = endOf(showControlCharacters(redact(status.log)), 1_000);
  const failed = (how: string): Error =>
    failure('ArchiveFailed', `${place} ${how}${log === '' ? '' : `; its log ends: ${log}`}`, { host: ref.name, job, exit: status.exit });

  if (status.job === 'absent')
    throw failed(
      status.targetThere
        ? `is not known, and ${target} is there without a record`
        : 'is not known on the host: forgotten, or its state is lost',
    );
  if (status.exit === sourceRan) throw failure('SourceRanDuringCopy', `${place}: ${log}`, { host: ref.name, job });
  if (status.exit !== undefined && status.exit !== 0) throw failed(`ended with exit code ${status.exit}`);
  // A job that still runs has the archive in place and is about to bring its name to disk.
  if (status.exit === 0 && status.targetThere && status.job === 'ended') {
    if (status.writtenBytes !== status.sizeBytes)
      throw failed(`recorded ${status.sizeBytes} bytes, but ${target} has ${status.writtenBytes}`);
    const { sizeBytes, sha256, sourceBytes, tookSeconds } = status;
    return { host: ref.name, file: target, sizeBytes, sha256, sourceBytes, elapsedSeconds: tookSeconds };
  }
  if (status.job === 'ended') throw failed('is gone without a result: killed, or the host was restarted');
  return undefined;
}

function stateOf(ref: HostRef, job: string): string {
  return posix.join(jobsDirectory(ref), job);
}

function managerOf(ref: HostRef): 'systemd' | 'process' {
  return ref.serviceManager.kind === 'systemd' ? 'systemd' : 'process';
}
