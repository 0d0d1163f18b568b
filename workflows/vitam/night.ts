import type { ArchiveJob } from '../../activities/files/files.contract.ts';
import type { ContentRecord, MongoCluster, ReplicaSet, SeenPrimary } from '../../activities/mongo/mongo.contract.ts';
import type { Run } from '../runbook/run.ts';
import type { ArchivePart } from './coldBackup.contract.ts';
import type { ColdBackupPlan } from './plan.ts';
import type { VitamPlatform } from './platform.contract.ts';
import type { Survey } from './preflight.ts';

/** What one run knows and has done so far. Lives inside the workflow function: rebuilt by replay, never shared between runs. */
export interface Night extends Survey {
  readonly plan: ColdBackupPlan;
  readonly run: Run;
  readonly set: string;
  /** Primaries whose stop was intended, by "cluster/set". Written before the stop. */
  readonly stopped: Map<string, SeenPrimary>;
  /** Services whose stop was intended, by "component@host". */
  readonly stoppedServices: Set<string>;
  readonly balancersOff: Set<string>;
  pausedJobs: boolean;
  readonly jobs: ArchiveJob[];
  readonly parts: ArchivePart[];
  readonly firstContent: Map<string, ContentRecord>;
  readonly content: Map<string, ContentRecord>;
  /** Set before the journal is written. */
  journalWritten: boolean;
  /** Run id that the journal must hold to be removed; "any" for vitamStart, which ends lost runs. */
  readonly journalOf: string;
  /** From when the securisation's hour is looked for: the window's begin, so that a run that begins at 01:00 does not wait for the next midnight. */
  gateFrom: string;
  securisation: string;
  workflowsLeft: string;
}

export function beginNight(platform: VitamPlatform, plan: ColdBackupPlan, run: Run, set: string, journalOf: string): Night {
  return {
    platform,
    plan,
    run,
    warn: (text) => run.warn(text),
    set,
    running: new Set(),
    balancers: new Map(),
    stopped: new Map(),
    stoppedServices: new Set(),
    balancersOff: new Set(),
    pausedJobs: false,
    jobs: [],
    parts: [],
    firstContent: new Map(),
    content: new Map(),
    journalWritten: false,
    journalOf,
    gateFrom: '',
    securisation: 'not begun',
    workflowsLeft: 'not looked at',
  };
}

export const setKey = (cluster: MongoCluster, set: ReplicaSet): string => `${cluster.name}/${set.name}`;
export const serviceKey = (component: string, host: string): string => `${component}@${host}`;
