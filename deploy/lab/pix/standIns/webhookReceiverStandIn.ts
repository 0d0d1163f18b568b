import { startStandIn, type PixStandIn, type StandInPlace } from './standInServer.ts';

export interface WebhookFault {
  /** Answers the next so many requests with `status`. Absent with a status: all of them. */
  failTimes?: number;
  /** Default 500. */
  status?: number;
  /** Takes the request and never answers; with `failTimes` so many. */
  hangs?: boolean;
  /** Answers so much later. */
  afterMs?: number;
}

/** By path; "*" counts for all that are not named. */
export type WebhookFaults = Record<string, WebhookFault>;

/** Stand-in for those who are told that the warehouse is ready: takes any request, keeps it with its headers in `requests`, finds no duplicates. */
export function startWebhookReceiverStandIn(place: StandInPlace = {}): Promise<PixStandIn<WebhookFaults>> {
  const used = new WeakMap<WebhookFault, number>();
  return startStandIn<WebhookFaults>(
    ({ path }, faults) => {
      const fault = faults[path] ?? faults['*'] ?? {};
      const { afterMs, hangs = false, status } = fault;
      const failing = hangs || status !== undefined || fault.failTimes !== undefined;
      const before = used.get(fault) ?? 0;
      used.set(fault, before + 1);
      if (!failing || before >= (fault.failTimes ?? Infinity))
        return { status: 200, body: { received: true }, ...(afterMs ? { afterMs } : {}) };
      if (hangs) return 'never';
      return { status: status ?? 500, body: { error: 'set by the lab' }, ...(afterMs ? { afterMs } : {}) };
    },
    {},
    place,
  );
}
