import type { StoredDump, StoredDumpCheck } from '../../activities/postgres/dumps/dumps.contract.ts';
import type { StepRecord } from '../runbook/runbook.contract.ts';
import type { PixReplica } from './replica.contract.ts';

export interface DumpToObjectStoreInput {
  replica: string;
}

export interface DumpToObjectStoreRequest {
  replica: PixReplica;
}

export interface DumpToObjectStoreReport extends StoredDump {
  replica: string;
  bucket: string;
  /** How the store's bytes were compared with those sent. */
  verifiedBy: StoredDumpCheck['by'];
  /** Moment in the key's name, UTC. */
  beganAt: string;
  seconds: number;
  steps: StepRecord[];
  warnings: string[];
}
