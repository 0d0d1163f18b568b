import { cancellationSignal } from '@temporalio/activity';

import { secondsSince, withHeartbeat } from '../tools/withHeartbeat.ts';
import type { Host, OpenHost } from './host.ts';
import type { HostActivities } from './hosts.contract.ts';

const missingCommandsScript = 'for command; do command -v -- "$command" >/dev/null 2>&1 || printf "%s\\n" "$command"; done';
const clockReadingsMax = 3;

export function createHostActivities({ openHost, now }: { openHost: OpenHost; now: () => Date }): HostActivities {
  return {
    async checkHost({ host: ref, commands }) {
      const host = await openHost(ref);
      const missing = await host.run(['sh', '-c', missingCommandsScript, 'nightshift', ...commands], {
        timeoutSeconds: 30,
        signal: cancellationSignal(),
      });
      return { host: ref.name, ...(await readClock(host, now)), missingCommands: missing.stdout.split('\n').filter((line) => line !== '') };
    },

    async findProcesses({ host: ref, pattern }) {
      const host = await openHost(ref);
      const found = await host.run(['pgrep', '-a', '-f', '--', pattern], {
        accept: [0, 1],
        timeoutSeconds: 30,
        signal: cancellationSignal(),
      });
      // Another look for the same pattern, under way at this moment, is no process that was asked for.
      const lines = found.stdout.split('\n').filter((line) => line !== '' && !/\bpgrep'? '?-a/.test(line));
      return lines.map((line) => Number.parseInt(line, 10));
    },

    async runHostCommand({ host: ref, command, limitSeconds }) {
      const beganMs = performance.now();
      const host = await openHost(ref);
      const work = () => host.run(command, { timeoutSeconds: limitSeconds, signal: cancellationSignal() });
      const { exitCode } = await withHeartbeat(() => ({ elapsedSeconds: secondsSince(beganMs) }), work);
      return { exitCode, elapsedSeconds: secondsSince(beganMs) };
    },
  };
}

/** The reading with the shortest way there and back is the least wrong. */
async function readClock(host: Host, now: () => Date): Promise<{ clockSkewMs: number; roundTripMs: number }> {
  const readings = [];
  for (let count = 0; count < clockReadingsMax; count += 1) {
    const before = now().getTime();
    const { stdout } = await host.run(['date', '+%s.%N'], { timeoutSeconds: 30, signal: cancellationSignal() });
    const after = now().getTime();
    readings.push({ clockSkewMs: Math.round(Number(stdout) * 1000 - (before + after) / 2), roundTripMs: after - before });
  }
  return readings.reduce((best, reading) => (reading.roundTripMs < best.roundTripMs ? reading : best));
}
