import type { Archive } from '../../activities/files/files.contract.ts';
import type { StoredObject } from '../../activities/objectStore/objectStore.contract.ts';
import type { ContentRecord } from '../../activities/mongo/mongo.contract.ts';
import type { RunReport } from '../runbook/runbook.contract.ts';

export interface ArchivePart {
  /** "data/shard0", "data/configsrv", "further/conf". */
  name: string;
  archive: Archive;
  stored?: StoredObject;
}

/** Written when and only when the set is complete; the last good set is the newest one that has it. */
export interface BackupManifest {
  format: 'nightshift-vitam-backup/1';
  set: string;
  platform: string;
  workflowId: string;
  runId: string;
  beganAt: string;
  completedAt: string;
  downtimeSeconds: number;
  tools: { nightshift: string };
  parts: ArchivePart[];
  /** Raw content of each replica set when nothing wrote any more: what the parts must hold. */
  content: Record<string, ContentRecord>;
}

/** Of a run that has ended well: what it made. */
export interface ColdBackupFacts {
  set: string;
  window: { beginAt: string; endAt: string };
  parts: ArchivePart[];
  totalBytes: number;
  sourceBytes: number;
  collections: number;
  documents: number;
  /** Collections that changed between the first record and the moment when nothing wrote any more. */
  changedWhileStopping: number;
  securisation: string;
  workflowsLeft: string;
  manifest: { host: string; file: string; sha256: string };
  removedSets: string[];
}

export type ColdBackupReport = RunReport & ColdBackupFacts;

/** Kept on the catalog host from before the first stop to the end of the run: what a person or `vitamStart` needs when the run is lost. */
export interface RunJournal {
  format: 'nightshift-vitam-journal/1';
  platform: string;
  workflowId: string;
  runId: string;
  set: string;
  beganAt: string;
  /** Services that ran before the run: "component@host". */
  running: string[];
  balancers: Record<string, 'full' | 'off'>;
}
