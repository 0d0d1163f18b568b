import { failure } from '../failure.ts';
import type { OpenHost } from '../hosts/host.ts';
import { checkPath, readScripts, runScript } from '../hosts/hostScript.ts';
import { checkJobName, discardHostJob, forgetHostJob, startHostJob } from '../jobs/hostJobs.ts';
import { jobsDirectory } from '../jobs/jobs.contract.ts';
import { watchHostJob, type JobBeat } from '../jobs/watchHostJob.ts';
import { secondsSince, withHeartbeat } from '../tools/withHeartbeat.ts';
import { archiveCommand, checkArchiveJob, judgeArchive, partOf } from './archiveJob.ts';
import { measure, readSpace } from './diskActivities.ts';
import type { FileActivities } from './files.contract.ts';
import { readFileChecksum } from './textFileActivities.ts';

const unfinishedScript = `[ -d "$1" ] && find "$1" -type f -name '*.part' -printf 'file=%p\\0'
[ -d "$2" ] && find "$2" -mindepth 1 -maxdepth 1 -type d -name "$3*" -printf 'job=%f\\0'
[ "$4" = systemd ] && systemctl list-units --all --plain --no-legend --no-pager --type=service -- "$3*" | awk '{ sub(/\\.service$/, "", $1); printf "job=%s%c", $1, 0 }'
exit 0`;

const unpackScript = readScripts(import.meta.url)('unpack.sh');
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
      checkArchiveJob(input);
      await startHostJob(await openHost(input.host), input.job, archiveCommand(input));
    },

    async watchArchive({ watchSeconds, ...input }) {
      checkArchiveJob(input);
      const host = await openHost(input.host);
      const look = await watchHostJob(host, { job: input.job, files: [partOf(input), input.target], watchSeconds }, told);
      return judgeArchive(input.host, input, look);
    },

    async discardArchive({ removeTarget, ...input }) {
      checkArchiveJob(input);
      const host = await openHost(input.host);
      const beganMs = performance.now();
      await withHeartbeat(
        () => ({ job: input.job, elapsedSeconds: secondsSince(beganMs) }),
        () => discardHostJob(host, input.job, [partOf(input), ...(removeTarget ? [input.target] : [])]),
      );
    },

    async forgetArchiveJob(input) {
      checkArchiveJob(input);
      await forgetHostJob(await openHost(input.host), input.job);
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

/** What the heartbeats of a watched copy say. */
function told({ doneBytes, totalBytes, writtenBytes, bytesPerSecond, elapsedSeconds, lastProgressAt }: JobBeat): object {
  return { sourceBytes: doneBytes, sourceTotalBytes: totalBytes, writtenBytes, bytesPerSecond, elapsedSeconds, lastProgressAt };
}
