import { failure } from '../failure.ts';
import type { OpenHost, ResolveSecret } from '../hosts/host.ts';
import { checkPath } from '../hosts/hostScript.ts';
import { secondsSince, withHeartbeat } from '../tools/withHeartbeat.ts';
import { checkJobName, discardHostJob, forgetHostJob, startHostJob } from './hostJobs.ts';
import type { JobActivities } from './jobs.contract.ts';
import { watchHostJob } from './watchHostJob.ts';

export function createJobActivities({ openHost, resolveSecret }: { openHost: OpenHost; resolveSecret: ResolveSecret }): JobActivities {
  return {
    async startJob({ host, job, secretFiles = {}, ...what }) {
      const secrets = await Promise.all(
        Object.entries(secretFiles).map(async ([file, name]) => [file, await resolveSecret(name)] as const),
      );
      await startHostJob(await openHost(host), job, what, Object.fromEntries(secrets));
    },

    async watchJob({ host, job, files = [], watchSeconds }) {
      check(job, files);
      return watchHostJob(await openHost(host), { job, files, watchSeconds });
    },

    async discardJob({ host: ref, job, files = [] }) {
      check(job, files);
      const host = await openHost(ref);
      const beganMs = performance.now();
      await withHeartbeat(
        () => ({ job, elapsedSeconds: secondsSince(beganMs) }),
        () => discardHostJob(host, job, files),
      );
    },

    async forgetJob({ host, job }) {
      check(job, []);
      await forgetHostJob(await openHost(host), job);
    },
  };
}

function check(job: string, files: readonly string[]): void {
  checkJobName(job);
  for (const file of files) checkPath(file);
  if (files.includes('/')) throw failure('InvalidInput', `job ${job}: "/" is no file`, { job });
}
