// `npm run record:histories`: records the histories that test/replay replays, from runs over fakes. Run it on the deployed commit, never on the branch under test.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

import { openFakeBench, type FakeRunOptions } from '../support/coldBackupRun.ts';
import { startDevServer } from '../support/temporalServer.ts';

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

/** Names and paths of the recording machine are no part of a history. */
function withoutMachine(name: string, value: unknown): unknown {
  if (name === 'identity') return 'recorder';
  return name === 'stackTrace' ? '' : value;
}

const env = await startDevServer();
const bench = await openFakeBench(env);
try {
  for (const [scenario, options] of Object.entries(scenarios)) {
    const folder = join(import.meta.dirname, 'histories', 'vitamColdBackup');
    await mkdir(folder, { recursive: true });
    await bench.run(options, async (run) => {
      await run.ended;
      const history = await run.handle.fetchHistory();
      const text = JSON.stringify(JSON.parse(historyToJSON(history), withoutMachine) as unknown);
      await writeFile(join(folder, `${scenario}.json`), `${text}\n`);
      console.log(
        `${scenario}: ${history.events?.length ?? 0} events, ${(text.length / 1e6).toFixed(2)} MB, unmet troubles: ${run.platform.unmet().length}`,
      );
    });
  }
} finally {
  await bench.close();
  await env.teardown();
}
