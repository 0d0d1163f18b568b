import type { BalancerState, ReplicaSetHealth } from '../../activities/mongo/mongo.contract.ts';
import type { ServiceState } from '../../activities/services/services.contract.ts';
import type { RunReport } from '../runbook/runbook.contract.ts';

export interface ServiceStatus {
  component: string;
  unit: string;
  host: string;
  up: boolean;
  state: ServiceState | null;
  /** Status of the autotest or status call; null when there is none or the service is down. */
  httpStatus: number | null;
  fault: string | null;
}

export interface StatusFacts {
  takenAt: string;
  /** "up": everything is well. "degraded": something is not. "down": nothing answers. */
  verdict: 'up' | 'degraded' | 'down';
  up: number;
  down: { what: string; sinceAt: string | null; fault: string }[];
  services: ServiceStatus[];
  replicaSets: ReplicaSetHealth[];
  balancers: (BalancerState & { cluster: string })[];
  /** Run that holds the platform now, and journal of one that did not end. */
  heldBy: { workflowId: string; sinceAt: string } | null;
  lostRun: { workflowId: string; beganAt: string } | null;
  lastGoodSet: string | null;
  faults: string[];
}

export type StatusReport = RunReport & StatusFacts;
