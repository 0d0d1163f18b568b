import type { TestWorkflowEnvironment } from '@temporalio/testing';

import { openFakeBench, type FakeRunOptions } from '../support/coldBackupRun.ts';
import type { Keep } from './record.ts';

const scenarios: Record<string, FakeRunOptions> = {
  completes: {},
  stopFails: { prepare: (platform) => platform.trouble('stopService back-1/vitam-storage', { kind: 'fail', times: 1 }) },
  cancelledInCopy: {
    prepare: (platform, cancel) =>
      platform.trouble(`watchArchive mongo-1:nightshift-${platform.name}-SET-data-shard0`, { kind: 'cancel', cancel }),
  },
  fatalWorkflowAborts: {
    prepare: (platform) => {
      platform.operations.push({ tenant: 0, operationId: 'op-fatal', globalState: 'PAUSE', stepStatus: 'FATAL', looksLeft: 1000 });
    },
  },
};

/** Cold backups over fakes. */
export async function recordVitam(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  const bench = await openFakeBench(env);
  try {
    for (const [scenario, options] of Object.entries(scenarios))
      await bench.run(options, async ({ ended, handle, platform }) => {
        await ended;
        await keep('vitamColdBackup', scenario, await handle.fetchHistory(), platform.unmet());
      });
  } finally {
    await bench.close();
  }
}
