import { ActivityCancellationType, proxyActivities, proxyLocalActivities, type ActivityOptions } from '@temporalio/workflow';

import type { Activities } from '../../activities/activities.contract.ts';

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
