import type { Archive } from '../../activities/files/files.contract.ts';
import type { StoredObject } from '../../activities/objectStore/objectStore.contract.ts';
import type { ContentRecord } from '../../activities/mongo/mongo.contract.ts';
import type { Decision, PlannedStep, StepRecord, TakenDown } from '../runbook/runbook.contract.ts';
import type { VitamPlatform } from './platform.contract.ts';

/** What a person writes. `platform` alone is enough; every other field overrides the platform's description for this run. */
export interface ColdBackupInput {
  platform: string;
  /** Answer with the plan and touch nothing. */
  dryRun?: boolean;
  /** Ask an operator before the first stop; the default answer is not to go on (vitam 11). */
  confirm?: boolean;
  window?: object;
  drain?: object;
  securisation?: object;
  backup?: object;
  policy?: object;
  order?: object;
  tenants?: number[];
}

/** The input, validated, with the platform resolved: what stands in history and what the run follows. */
export interface ColdBackupRequest {
  dryRun: boolean;
  confirm: boolean;
  platform: VitamPlatform;
}

export interface ColdBackupPlanReport {
  platform: string;
  title: string;
  /** Nothing was touched. */
  dryRun: true;
  order: string;
  window: {
    begin: string;
    end: string;
    zone: string;
    nextBeginAt: string;
    nextEndAt: string;
    lengthHours: number;
    outside: string;
    atEnd: string;
  };
  gates: string[];
  steps: (PlannedStep & { number: number })[];
  unwind: string[];
  downtime: { expectedSeconds: number | null; basis: string; limitSeconds: number };
}

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

export interface ColdBackupReport {
  platform: string;
  set: string;
  window: { beginAt: string; endAt: string };
  beganAt: string;
  endedAt: string;
  /** From the first stop to the last service answering again. */
  downtimeSeconds: number;
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
  alreadyDown: string[];
  steps: StepRecord[];
  decisions: Decision[];
  warnings: string[];
}

/** First detail of a failed run, and answer of the `report` query of any run. */
export interface ColdBackupFailureFacts {
  platform: string;
  set: string;
  failedSteps: StepRecord[];
  downtimeSeconds: number;
  stillDown: TakenDown[];
  decisions: Decision[];
  warnings: string[];
}

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
