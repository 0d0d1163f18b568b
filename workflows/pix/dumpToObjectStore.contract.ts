import type { StoredDump, StoredDumpCheck } from '../../activities/postgres/dumps/dumps.contract.ts';
import type { RunReport } from '../runbook/runbook.contract.ts';

/** `key`: the moment in it is the begin of the run, in UTC. */
export interface DumpToObjectStoreFacts extends StoredDump {
  bucket: string;
  /** How the store's bytes were compared with those sent. */
  verifiedBy: StoredDumpCheck['by'];
}

export type DumpToObjectStoreReport = RunReport & DumpToObjectStoreFacts;
