import type { TestWorkflowEnvironment } from '@temporalio/testing';

import { openFakeReplicas, type FakeReplicaOptions } from '../support/fakeReplicaBench.ts';
import type { Keep } from './record.ts';

const links = {
  full: 'pixFullReplication',
  incremental: 'pixIncrementalReplication',
  learningContent: 'pixLearningContent',
  notification: 'pixNotification',
};

const scenarios: (FakeReplicaOptions & { scenario: string })[] = [
  { scenario: 'completes', type: 'pixReplication' },
  {
    ...{ scenario: 'nextNight', type: 'pixReplication', input: { startAt: 'learningContent' } },
    prepare: (replica) => replica.trouble('replaceLearningContent', { kind: 'fail', times: 1 }),
  },
  {
    ...{ scenario: 'fails', type: 'pixFullReplication' },
    prepare: (replica) => replica.trouble('runStatements index/users', { kind: 'fail', times: 1 }),
  },
  {
    ...{ scenario: 'snapshotLost', type: 'pixFullReplication' },
    prepare: (replica) => replica.trouble('setSequences', { kind: 'fail', times: 1, type: 'SnapshotLost' }),
  },
  {
    ...{ scenario: 'cancelledInCopy', type: 'pixFullReplication' },
    prepare: (replica, cancel) => replica.trouble('copyTables copy/users', { kind: 'cancel', cancel }),
  },
  { scenario: 'inPlace', type: 'pixFullReplication', document: { full: { method: 'inPlace' } } },
  {
    ...{ scenario: 'halfFull', type: 'pixFullReplication', document: { full: { method: 'inPlace' } } },
    prepare: (replica) => replica.trouble('restoreInPlace', { kind: 'fail', times: 1 }),
  },
  {
    ...{ scenario: 'completes', type: 'pixUndoReplication' },
    prepare: (replica) => {
      replica.undoable = 'former';
    },
  },
  {
    ...{ scenario: 'completes', type: 'pixPrepareIncremental' },
    prepare: (replica) => void replica.tableStates.set('answers', 'empty'),
  },
  { scenario: 'completes', type: 'pixSchemaCopy' },
  { scenario: 'completes', type: 'pixOpenData' },
  { scenario: 'completes', type: 'pixDumpToObjectStore' },
  { scenario: 'completes', type: 'pixVerify' },
];

/** Runs of Pix over fakes; those of a whole chain with its children. */
export async function recordPix(env: TestWorkflowEnvironment, keep: Keep): Promise<void> {
  const bench = await openFakeReplicas(env);
  try {
    for (const { scenario, ...options } of scenarios)
      await bench.run(options, async ({ ended, handle, workflowId, replica }) => {
        await ended;
        await keep(options.type, scenario, await handle.fetchHistory(), replica.unmet());
        if (options.type !== 'pixReplication' || scenario !== 'completes') return;
        for (const [link, type] of Object.entries(links))
          await keep(type, 'completes', await env.client.workflow.getHandle(`${workflowId}/${link}`).fetchHistory());
      });
  } finally {
    await bench.close();
  }
}
