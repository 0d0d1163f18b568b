/** Every workflow type that can run, one line each: the export is the name on the wire. */
import { workflowInfo } from '@temporalio/workflow';

import { failure } from '../activities/failure.ts';

export { platformLock } from './runbook/platformLock.ts';
export { pixDumpToObjectStore } from './pix/dumpToObjectStore.ts';
export { pixFullReplication } from './pix/fullReplication.ts';
export { pixIncrementalReplication } from './pix/incrementalReplication.ts';
export { pixLearningContent } from './pix/learningContent.ts';
export { pixNotification } from './pix/notification.ts';
export { pixOpenData } from './pix/openData.ts';
export { pixPrepareIncremental } from './pix/prepareIncremental.ts';
export { pixReplication } from './pix/replication.ts';
export { pixSchemaCopy } from './pix/schemaCopy.ts';
export { pixUndoReplication } from './pix/undoReplication.ts';
export { pixVerify } from './pix/verify.ts';
export { vitamBackupProof } from './vitam/backupProof.ts';
export { vitamColdBackup } from './vitam/coldBackup.ts';
export { vitamStart } from './vitam/start.ts';
export { vitamStatus } from './vitam/status.ts';

const known = [
  'vitamColdBackup',
  'vitamStart',
  'vitamStatus',
  'vitamBackupProof',
  'pixReplication',
  'pixFullReplication',
  'pixIncrementalReplication',
  'pixPrepareIncremental',
  'pixLearningContent',
  'pixNotification',
  'pixUndoReplication',
  'pixSchemaCopy',
  'pixOpenData',
  'pixDumpToObjectStore',
  'pixVerify',
];

/** Answers a start of an unknown type: without it such a run would retry its first task for ever. */
export default async function unknownRunbook(): Promise<never> {
  throw failure('UnknownRunbook', `there is no workflow type "${workflowInfo().workflowType}"; known: ${known.join(', ')}`);
}
