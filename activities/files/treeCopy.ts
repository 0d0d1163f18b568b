import { failure } from '../failure.ts';
import type { OpenHost, ResolveSecret } from '../hosts/host.ts';
import { checkPath, readScripts } from '../hosts/hostScript.ts';
import { checkJobName, startHostJob } from '../jobs/hostJobs.ts';
import type { JobLook } from '../jobs/jobs.contract.ts';
import { watchHostJob } from '../jobs/watchHostJob.ts';
import { endOf } from '../tools/redact.ts';
import type { FileActivities, TreeCopied, TreeCopy } from './files.contract.ts';

const copyTreeScript = readScripts(import.meta.url)('copyTree.sh');
const failures = { 20: 'SourceRanDuringCopy', 22: 'InvalidInput', 31: 'HostKeyChanged', 32: 'CredentialsRejected' } as const;

export function createTreeCopyActivities({
  openHost,
  resolveSecret,
}: {
  openHost: OpenHost;
  resolveSecret: ResolveSecret;
}): Pick<FileActivities, 'startTreeCopy' | 'watchTreeCopy'> {
  return {
    async startTreeCopy(input) {
      const { host, job, source, target, earlier = '', compare, over } = input;
      check(input);
      const way = over ? [over.address, String(over.port), over.user, ...over.hostKeys] : [];
      const command = ['bash', '-c', copyTreeScript, 'nightshift', source, target, earlier, compare, ...way];
      await startHostJob(await openHost(host), job, { command }, over ? { key: withLineEnd(await resolveSecret(over.privateKey)) } : {});
    },

    async watchTreeCopy({ watchSeconds, ...input }) {
      check(input);
      const look = await watchHostJob(await openHost(input.host), { job: input.job, files: [], watchSeconds });
      if (look.state !== 'running') return { state: 'done', copied: judge(input, look) };
      const { doneBytes: sentBytes, totalBytes, elapsedSeconds } = look;
      return { state: 'running', sentBytes, totalBytes, elapsedSeconds };
    },
  };
}

/** Without one OpenSSH does not take a key. */
function withLineEnd(key: string): string {
  return key.endsWith('\n') ? key : `${key}\n`;
}

function check({ job, source, target, earlier, over }: TreeCopy): void {
  checkJobName(job);
  for (const path of [source, target, ...(earlier === undefined ? [] : [earlier])]) checkPath(path);
  const lies = (path: string, below: string): boolean => path === below || path.startsWith(`${below}/`);
  if (target === '/' || (!over && (lies(target, source) || lies(source, target))))
    throw failure('InvalidInput', `${source} cannot be copied to ${target}`, { job });
  // Of these words a command line is made.
  const words = over ? [over.address, over.user, ...over.hostKeys] : [];
  const odd = words.find((word) => !/^[A-Za-z0-9_][A-Za-z0-9._:/+=-]*$/.test(word));
  if (odd !== undefined || (over && (!Number.isInteger(over.port) || over.hostKeys.length === 0)))
    throw failure('InvalidInput', `the way to the target of ${job} is not whole: ${odd ?? 'port or host keys'}`, { job });
}

function judge({ host, job, source, target, over }: TreeCopy, { state, exitCode, outcome, log, elapsedSeconds }: JobLook): TreeCopied {
  if (state === 'ended' && exitCode === 0) return { ...(JSON.parse(outcome) as Omit<TreeCopied, 'elapsedSeconds'>), elapsedSeconds };
  const how =
    state === 'ended' ? `ended with exit code ${exitCode}` : state === 'lost' ? 'is gone without a result' : 'is not known on the host';
  const type = failures[(exitCode ?? 0) as keyof typeof failures] ?? 'CommandFailed';
  const place = `${target}${over ? ` on ${over.address}` : ''}`;
  throw failure(type, `copy job ${job} of ${source} on ${host.name} to ${place} ${how}: ${endOf(log, 1_000)}`, {
    host: host.name,
    job,
    exit: exitCode,
  });
}
