import type { OpenDataReport } from '../../activities/openData/openData.contract.ts';
import type { RunReport } from '../runbook/runbook.contract.ts';

export type OpenDataRunReport = RunReport & OpenDataReport;
