import type { TestWorkflowEnvironment } from '@temporalio/testing';

import { openFakeBench, type FakeRunOptions } from '../support/coldBackupRun.ts';
import type { Keep } from './record.ts';

const scenarios: (FakeRunOptions & { scenario: string })[] = [
  { scenario: 'completes' },
  {
    scenario: 'stopFails',
    prepare: (platform) => platform.trouble('stopService back-1/vitam-storage', { kind: 'fail', times: 1 }),
  },
  {
    scenario: 'cancelledInCopy',
    prepare: (platform, cancel) =>
      platform.trouble(`watchArchive mongo-1:nightshift-${platform.name}-SET-data-shard0`, { kind: 'cancel', cancel }),
  },
  {
    scenario: 'fatalWorkflowAborts',
    prepare: (platform) => {
      platform.operations.push({ tenant: 0, operationId: 'op-fatal', globalState: 'PAUSE', stepStatus: 'FATAL', looksLeft: 1000 });
    },
  },
  { scenario: 'lostRun', type: 'vitamStart', prepare: (platform) => platform.loseRun() },
  { scenario: 'completes', type: 'vitamStatus' },
  {
    scenario: 'completes',
    type: 'vitamBackupProof',
    prepare: (platform) => platform.keepSet('20260101T000000Z-0123abcd', [{ name: 'data/shard0', host: 'mongo-1' }]),
  },
];

/** Runs of VITAM over fakes. */
export async function recordVitam(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  const bench = await openFakeBench(env);
  try {
    for (const { scenario, ...options } of scenarios)
      await bench.run(options, async ({ ended, handle, platform }) => {
        await ended;
        await keep(options.type ?? 'vitamColdBackup', scenario, await handle.fetchHistory(), platform.unmet());
      });
  } finally {
    await bench.close();
  }
}
