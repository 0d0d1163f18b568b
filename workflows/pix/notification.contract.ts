import type { Delivery } from '../../activities/webhooks/webhooks.contract.ts';
import type { PixReplica } from './replica.contract.ts';

export interface NotificationInput {
  replica: string;
}

export interface NotificationRequest {
  replica: PixReplica;
}

export interface NotificationReport {
  replica: string;
  deliveries: Delivery[];
  /** Webhooks that a person left out. */
  skipped: string[];
  /** Webhooks that did not take it, after all tries. Never shown: their URLs. */
  failed: { webhook: string; why: string }[];
}
