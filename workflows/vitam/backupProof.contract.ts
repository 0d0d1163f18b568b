import type { ContentDifference } from '../../activities/mongo/mongo.contract.ts';
import type { VitamPlatform } from './platform.contract.ts';

export interface BackupProofInput {
  platform: string;
  /** Name of a set; default the newest good one. */
  set?: string;
}

export interface BackupProofRequest {
  platform: VitamPlatform;
  set: string | null;
}

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

export interface BackupProofReport {
  platform: string;
  set: string;
  proven: true;
  parts: PartProof[];
  collections: number;
  documents: number;
  elapsedSeconds: number;
}
