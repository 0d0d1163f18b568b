import { sleep } from '@temporalio/activity';

import type { Host } from '../hosts/host.ts';
import { withHeartbeat } from '../tools/withHeartbeat.ts';
import { readHostJob } from './hostJobs.ts';
import type { JobLook } from './jobs.contract.ts';
import type { JobStatus } from './jobStatus.ts';

/** Small jobs are over soon; long ones are looked at ever less often. */
const firstPauseMs = 150;
const longestPauseMs = 1_000;
const pauseGrowth = 1.2;
/** The start has waited for the job to begin; this is for one whose process was killed in that moment. */
const beginsWithinMs = 30_000;

/** What the heartbeats of a watched job say; `lastProgressAt` tells a job that hangs from one that is slow. */
export interface JobBeat {
  doneBytes: number;
  totalBytes: number;
  writtenBytes: number;
  bytesPerSecond: number;
  elapsedSeconds: number;
  line: string;
  lastProgressAt: string;
}

/** Looks at the job until it does not run any more, at most `watchSeconds`. */
export async function watchHostJob(
  host: Host,
  { job, files, watchSeconds }: { job: string; files: readonly string[]; watchSeconds: number },
  told: (beat: JobBeat) => object = (beat) => beat,
): Promise<JobLook> {
  const beganMs = performance.now();
  const progress = followProgress();
  return withHeartbeat(
    () => told(progress.beat()),
    async () => {
      for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * pauseGrowth)) {
        const status = await readHostJob(host, job, files);
        progress.see(status);
        const { state, ...rest } = status;
        const watchedMs = performance.now() - beganMs;
        if (state === 'waiting' && watchedMs > beginsWithinMs) return { ...rest, state: 'lost' };
        if (state === 'ended' || state === 'lost' || state === 'absent') return { ...rest, state };
        if (watchedMs >= watchSeconds * 1000) return { ...rest, state: 'running' };
        await sleep(pauseMs);
      }
    },
  );
}

function followProgress(): { see(status: JobStatus): void; beat(): JobBeat } {
  let first: { atMs: number; doneBytes: number } | undefined;
  let last: JobStatus | undefined;
  let lastProgressAt = new Date().toISOString();
  return {
    see(status) {
      first ??= { atMs: performance.now(), doneBytes: status.doneBytes };
      const { doneBytes, writtenBytes, log } = status;
      if (doneBytes !== last?.doneBytes || writtenBytes !== last.writtenBytes || log !== last.log)
        lastProgressAt = new Date().toISOString();
      last = status;
    },
    beat() {
      const { doneBytes = 0, totalBytes = 0, writtenBytes = 0, elapsedSeconds = 0, line = '' } = last ?? {};
      const seconds = first ? (performance.now() - first.atMs) / 1000 : 0;
      const bytesPerSecond = first && seconds > 0 ? Math.round((doneBytes - first.doneBytes) / seconds) : 0;
      return { doneBytes, totalBytes, writtenBytes, bytesPerSecond, elapsedSeconds, line, lastProgressAt };
    },
  };
}
