import type { SchemaCopyActivities } from '../../activities/warehouse/schemaCopy/schemaCopy.contract.ts';
import type { LearningContentActivities } from '../../activities/lcms/learningContent.contract.ts';
import type { BalancerMode } from '../../activities/mongo/mongo.contract.ts';
import type { IncrementalActivities } from '../../activities/warehouse/incremental/incremental.contract.ts';
import type { JobActivities } from '../../activities/jobs/jobs.contract.ts';
import type { LoadGuardActivities } from '../../activities/loadGuard/loadGuard.contract.ts';
import type { WebhookActivities } from '../../activities/webhooks/webhooks.contract.ts';
import type { BesideActivities } from '../../activities/warehouse/beside/beside.contract.ts';
import type { CheckActivities } from '../../activities/warehouse/checks/checks.contract.ts';
import type { InPlaceActivities } from '../../activities/warehouse/inPlace/inPlace.contract.ts';
import type { DumpActivities } from '../../activities/postgres/dumps/dumps.contract.ts';
import type { OpenDataActivities } from '../../activities/openData/openData.contract.ts';
import type { Activities } from '../../activities/activities.contract.ts';

/** The state that must be the same before and after a run, whatever happened to it. */
export interface PlatformState {
  running: string[];
  balancers: Record<string, BalancerMode>;
  schedulerPaused: boolean;
  jobs: string[];
  partialFiles: string[];
  journal: boolean;
}

/** What the fake implements; the rest of the activities is real in tests over it. */
export type FakeActivities = Omit<
  Activities,
  | keyof BesideActivities
  | keyof CheckActivities
  | keyof DumpActivities
  | keyof InPlaceActivities
  | keyof OpenDataActivities
  | keyof IncrementalActivities
  | keyof LearningContentActivities
  | keyof JobActivities
  | keyof LoadGuardActivities
  | keyof SchemaCopyActivities
  | keyof WebhookActivities
  | 'readRequest'
  | 'startTreeCopy'
  | 'watchTreeCopy'
  | 'runHttpSession'
  | 'findWindow'
  | 'findLocalTime'
  | 'describeRun'
  | 'listObjects'
  | 'deleteObjects'
  | 'putObject'
  | 'checkObjectStore'
>;
