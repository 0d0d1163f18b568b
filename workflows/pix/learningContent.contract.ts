import type { LearningContentReport } from '../../activities/lcms/learningContent.contract.ts';
import type { RunReport } from '../runbook/runbook.contract.ts';

export type LearningContentRunReport = RunReport & LearningContentReport;
