import type { Decision, StepRecord } from '../runbook/runbook.contract.ts';
import type { VitamPlatform } from './platform.contract.ts';

export interface StartInput {
  platform: string;
  /** "asRecorded" (default): what ran before the run that was lost, by its journal, or everything when there is none. "everything": all. */
  services?: 'asRecorded' | 'everything';
  policy?: object;
  order?: object;
}

export interface StartRequest {
  platform: VitamPlatform;
  services: 'asRecorded' | 'everything';
}

export interface StartReport {
  platform: string;
  /** The run whose work is undone, when its journal was found. */
  lostRun: string | null;
  started: string[];
  alreadyUp: number;
  elapsedSeconds: number;
  steps: StepRecord[];
  decisions: Decision[];
  warnings: string[];
}
