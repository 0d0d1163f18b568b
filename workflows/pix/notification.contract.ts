import type { Delivery } from '../../activities/webhooks/webhooks.contract.ts';
import type { RunReport } from '../runbook/runbook.contract.ts';

/** Also the facts of NotificationFailed. */
export interface NotificationFacts {
  deliveries: Delivery[];
  /** Webhooks that a person left out. */
  skipped: string[];
  /** Webhooks that did not take it, after all tries. Never shown: their URLs. */
  failed: { webhook: string; why: string }[];
}

export type NotificationReport = RunReport & NotificationFacts;
