import { ActivityCancellationType, proxyActivities, proxyLocalActivities, type ActivityOptions } from '@temporalio/workflow';

import type { SchemaCopyActivities } from '../../activities/warehouse/schemaCopy/schemaCopy.contract.ts';
import type { LearningContentActivities } from '../../activities/lcms/learningContent.contract.ts';
import type { ClockActivities } from '../../activities/clock/clock.contract.ts';
import type { FileActivities } from '../../activities/files/files.contract.ts';
import type { HostActivities } from '../../activities/hosts/hosts.contract.ts';
import type { HttpActivities } from '../../activities/http/http.contract.ts';
import type { JobActivities } from '../../activities/jobs/jobs.contract.ts';
import type { LoadGuardActivities } from '../../activities/loadGuard/loadGuard.contract.ts';
import type { MongoActivities } from '../../activities/mongo/mongo.contract.ts';
import type { BesideActivities } from '../../activities/warehouse/beside/beside.contract.ts';
import type { CheckActivities } from '../../activities/warehouse/checks/checks.contract.ts';
import type { DumpActivities } from '../../activities/postgres/dumps/dumps.contract.ts';
import type { InPlaceActivities } from '../../activities/warehouse/inPlace/inPlace.contract.ts';
import type { OpenDataActivities } from '../../activities/openData/openData.contract.ts';
import type { IncrementalActivities } from '../../activities/warehouse/incremental/incremental.contract.ts';
import type { WebhookActivities } from '../../activities/webhooks/webhooks.contract.ts';
import type { ObjectStoreActivities } from '../../activities/objectStore/objectStore.contract.ts';
import type { RequestActivities } from '../../activities/requests/requests.contract.ts';
import type { RunActivities } from '../../activities/runs/runs.contract.ts';
import type { ServiceActivities } from '../../activities/services/services.contract.ts';

/** Everything that a worker on the operations queue offers. */
export type Activities = FileActivities &
  HostActivities &
  HttpActivities &
  JobActivities &
  MongoActivities &
  ObjectStoreActivities &
  RequestActivities &
  RunActivities &
  ServiceActivities &
  ClockActivities &
  BesideActivities &
  InPlaceActivities &
  CheckActivities &
  DumpActivities &
  OpenDataActivities &
  IncrementalActivities &
  LearningContentActivities &
  LoadGuardActivities &
  SchemaCopyActivities &
  WebhookActivities;

/** Cancellation is waited for: compensation must not begin while a remote command still runs. */
const waitedFor = { cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED } as const;

/**
 * Activity options named by the nature of the work. `summary` is the line that the Web UI shows for the activity.
 * Heartbeats carry cancellation and prove the worker: 20 s without one and another worker takes over.
 */
function options(profile: ActivityOptions, summary: string): Activities {
  return proxyActivities<Activities>({ ...waitedFor, ...profile, summary: summary.slice(0, 180) });
}

/** What a worker that dies in a short read costs. A busy one that beats too late costs a try: reads may be repeated. */
const shortHeartbeat = '8 seconds';

/** Reads and checks: short, repeated while the cause may pass. Time in the queue counts for nothing: a run waits for its worker as long as its own limits allow. */
export function quick(summary: string): Activities {
  return options(
    {
      startToCloseTimeout: '60 seconds',
      heartbeatTimeout: shortHeartbeat,
      retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '15 seconds', maximumAttempts: 6 },
    },
    summary,
  );
}

/** A probe whose failure is itself an answer soon wanted: few attempts. */
export function probe(summary: string): Activities {
  return options(
    {
      startToCloseTimeout: '60 seconds',
      heartbeatTimeout: shortHeartbeat,
      retry: { initialInterval: '500 milliseconds', maximumAttempts: 2 },
    },
    summary,
  );
}

/**
 * Acts that wait for a state (stop, start, election) up to `limitSeconds`; safe to repeat, so a worker that died is replaced.
 * Their own limit ends them with a readable failure; the start-to-close limit above it is only for an activity that hangs.
 */
export function patient(summary: string, limitSeconds: number): Activities {
  return options(
    {
      startToCloseTimeout: (limitSeconds + 60) * 1000,
      heartbeatTimeout: '20 seconds',
      retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds', maximumAttempts: 4 },
    },
    summary,
  );
}

/** Work of hours, with heartbeat: copies are jobs on the host, so another attempt finds them again. */
export function long(summary: string): Activities {
  return options(
    {
      startToCloseTimeout: '24 hours',
      heartbeatTimeout: '20 seconds',
      retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '60 seconds', maximumAttempts: 10 },
    },
    summary,
  );
}

/** Work of hours whose tries are the user's to set: pauses double from `initialSeconds` (pix 5). */
export function patientFor(summary: string, { attemptsMax, initialSeconds }: { attemptsMax: number; initialSeconds: number }): Activities {
  return options(
    {
      startToCloseTimeout: '24 hours',
      heartbeatTimeout: '20 seconds',
      retry: { initialInterval: initialSeconds * 1000, backoffCoefficient: 2, maximumInterval: '10 minutes', maximumAttempts: attemptsMax },
    },
    summary,
  );
}

/** Not repeated by Temporal: the workflow looks at the world and decides. */
export function once(summary: string, limitSeconds: number): Activities {
  return options(
    { startToCloseTimeout: (limitSeconds + 60) * 1000, heartbeatTimeout: '20 seconds', retry: { maximumAttempts: 1 } },
    summary,
  );
}

/** Pure work of milliseconds that needs libraries kept out of the sandbox. */
export const local = proxyLocalActivities<Pick<Activities, 'readRequest' | 'findWindow' | 'findLocalTime'>>({
  startToCloseTimeout: '20 seconds',
  retry: { initialInterval: '500 milliseconds', maximumAttempts: 5 },
});
