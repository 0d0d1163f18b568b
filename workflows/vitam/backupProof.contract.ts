import type { ContentDifference } from '../../activities/mongo/mongo.contract.ts';
import type { RunReport } from '../runbook/runbook.contract.ts';

export interface PartProof {
  part: string;
  host: string;
  sizeBytes: number;
  sha256: string;
  collections: number;
  documents: number;
  files: number;
  differences: ContentDifference[];
  elapsedSeconds: number;
}

export interface BackupProofFacts {
  set: string;
  proven: true;
  parts: PartProof[];
  collections: number;
  documents: number;
}

export type BackupProofReport = RunReport & BackupProofFacts;
