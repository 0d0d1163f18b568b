import { sleep } from '@temporalio/activity';

import { failure } from '../failure.ts';
import type { OpenHost } from '../hosts/host.ts';
import { secondsSince, withHeartbeat } from '../tools/withHeartbeat.ts';
import { checkJob, checkJobName, discardJob, forgetJob, jobsDirectory, judgeJob, readJob, startJob } from './archiveJob.ts';
import { measure, readSpace } from './diskActivities.ts';
import type { ArchiveProgress, FileActivities } from './files.contract.ts';
import { checkPath, readScript, runScript } from './hostScript.ts';
import type { JobStatus } from './jobStatus.ts';
import { readFileChecksum } from './textFileActivities.ts';

/** Small copies are over soon; large ones are looked at ever less often. */
const firstPauseMs = 150;
const longestPauseMs = 1_000;
const pauseGrowth = 1.2;
/** startArchive has waited for the job to begin; this is for one whose process was killed in that moment. */
const beginsWithinMs = 30_000;

const unfinishedScript = `[ -d "$1" ] && find "$1" -type f -name '*.part' -printf 'file=%p\\0'
[ -d "$2" ] && find "$2" -mindepth 1 -maxdepth 1 -type d -name "$3*" -printf 'job=%f\\0'
[ "$4" = systemd ] && systemctl list-units --all --plain --no-legend --no-pager --type=service -- "$3*" | awk '{ sub(/\\.service$/, "", $1); printf "job=%s%c", $1, 0 }'
exit 0`;

const unpackScript = readScript('unpack.sh');
const directoryNotEmpty = 22;
const wrongChecksum = 30;

type ArchiveActivities = Pick<
  FileActivities,
  'findUnfinishedArchives' | 'startArchive' | 'watchArchive' | 'discardArchive' | 'forgetArchiveJob' | 'verifyArchive' | 'unpackArchive'
>;

export function createArchiveActivities({ openHost }: { openHost: OpenHost }): ArchiveActivities {
  return {
    async findUnfinishedArchives({ host: ref, path, jobPrefix }) {
      checkPath(path);
      checkJobName(jobPrefix);
      const host = await openHost(ref);
      const { stdout } = await runScript(host, unfinishedScript, [path, jobsDirectory(ref), jobPrefix, ref.serviceManager.kind]);
      const found = stdout.split('\0');
      const named = (kind: string): string[] =>
        [...new Set(found.filter((line) => line.startsWith(kind)).map((line) => line.slice(kind.length)))].sort();
      return { partialFiles: named('file='), jobs: named('job=') };
    },

    async startArchive(input) {
      checkJob(input);
      await startJob(await openHost(input.host), input);
    },

    async watchArchive({ watchSeconds, ...input }) {
      checkJob(input);
      const host = await openHost(input.host);
      const beganMs = performance.now();
      const progress = followProgress();
      return withHeartbeat(progress.told, async () => {
        let pauseMs = firstPauseMs;
        for (;;) {
          const status = await readJob(host, input);
          progress.see(status);
          const archive = judgeJob(input.host, input, status);
          if (archive) return { state: 'done', archive };
          const watchedMs = performance.now() - beganMs;
          if (status.job === 'waiting' && watchedMs > beginsWithinMs)
            throw failure('ArchiveFailed', `copy job ${input.job} on ${input.host.name} did not start`, { job: input.job });
          if (watchedMs > watchSeconds * 1000) return whereItIs(status);
          await sleep(pauseMs);
          pauseMs = Math.min(longestPauseMs, pauseMs * pauseGrowth);
        }
      });
    },

    async discardArchive({ removeTarget, ...input }) {
      checkJob(input);
      const host = await openHost(input.host);
      const beganMs = performance.now();
      await withHeartbeat(
        () => ({ job: input.job, elapsedSeconds: secondsSince(beganMs) }),
        () => discardJob(host, input, removeTarget ? 'remove' : 'keep'),
      );
    },

    async forgetArchiveJob(input) {
      checkJob(input);
      await forgetJob(await openHost(input.host), input);
    },

    async verifyArchive({ host: ref, archive }) {
      checkPath(archive.file);
      const read = await readFileChecksum(await openHost(ref), archive.file);
      if (!read) throw failure('ChecksumMismatch', `${archive.file} on ${ref.name} is gone`, { host: ref.name, file: archive.file });
      if (read.sha256 === archive.sha256 && read.sizeBytes === archive.sizeBytes) return;
      const differs = `${read.sizeBytes} bytes with sha256 ${read.sha256}, recorded ${archive.sizeBytes} bytes with ${archive.sha256}`;
      throw failure('ChecksumMismatch', `${archive.file} on ${ref.name} has ${differs}`, { host: ref.name, file: archive.file });
    },

    async unpackArchive({ host: ref, archive, directory }) {
      checkPath(archive.file);
      checkPath(directory);
      const host = await openHost(ref);
      const { freeBytes } = await readSpace(host, directory);
      const noSpace = (seen: string): Error =>
        failure(
          'DiskSpaceInsufficient',
          `unpacking ${archive.file} to ${directory} on ${ref.name} needs ${archive.sourceBytes} bytes, ${seen}`,
          { host: ref.name, directory },
        );
      if (freeBytes < archive.sourceBytes) throw noSpace(`${freeBytes} are free`);
      const beganMs = performance.now();
      const work = () =>
        runScript(host, unpackScript, [archive.file, archive.sha256, directory], {
          timeoutSeconds: 24 * 3600,
          accept: [0, 21, directoryNotEmpty, wrongChecksum],
        });
      const { exitCode, stderrTail } = await withHeartbeat(() => ({ directory, elapsedSeconds: secondsSince(beganMs) }), work);
      const said = stderrTail.trim();
      if (exitCode === wrongChecksum)
        throw failure('ChecksumMismatch', `${said} on ${ref.name}, recorded ${archive.sha256}`, { host: ref.name, file: archive.file });
      if (exitCode === directoryNotEmpty) throw failure('InvalidInput', `on ${ref.name} ${said}`, { host: ref.name, directory });
      if (exitCode !== 0 && /No space left on device/.test(said)) throw noSpace('the disk became full');
      if (exitCode !== 0)
        throw failure('CommandFailed', `unpacking ${archive.file} on ${ref.name}: ${said}`, { host: ref.name, directory });
      return measure(host, directory);
    },
  };
}

function whereItIs(status: JobStatus): ArchiveProgress {
  const { readBytes, totalBytes, writtenBytes, elapsedSeconds } = status;
  return { state: 'running', sourceBytes: readBytes, sourceTotalBytes: totalBytes, writtenBytes, elapsedSeconds };
}

/** What the heartbeats of a watched job say; `lastProgressAt` tells a job that hangs from one that is slow. */
function followProgress(): { see: (status: JobStatus) => void; told: () => object } {
  let first: { atMs: number; writtenBytes: number; readBytes: number } | undefined;
  let last: JobStatus | undefined;
  let lastProgressAt = new Date().toISOString();
  return {
    see(status) {
      first ??= { atMs: performance.now(), writtenBytes: status.writtenBytes, readBytes: status.readBytes };
      if (status.readBytes !== last?.readBytes || status.writtenBytes !== last.writtenBytes) lastProgressAt = new Date().toISOString();
      last = status;
    },
    told() {
      if (!first || !last) return { lastProgressAt };
      const seconds = (performance.now() - first.atMs) / 1000;
      const bytesPerSecond = seconds > 0 ? Math.round((last.readBytes - first.readBytes) / seconds) : 0;
      const { readBytes: sourceBytes, totalBytes: sourceTotalBytes, writtenBytes, elapsedSeconds } = last;
      return { sourceBytes, sourceTotalBytes, writtenBytes, bytesPerSecond, elapsedSeconds, lastProgressAt };
    },
  };
}
