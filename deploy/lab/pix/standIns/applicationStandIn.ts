import { startStandIn, type PixStandIn, type StandInPlace } from './standInServer.ts';

export interface ApplicationFaults {
  /** How long every answer takes. Default 0. */
  responseMs?: number;
  /** Default 200. */
  status?: number;
  hangs?: boolean;
}

/** Stand-in for an application that works on the source database: its response time is what the load guard watches (pix 32). */
export function startApplicationStandIn(place: StandInPlace = {}): Promise<PixStandIn<ApplicationFaults>> {
  return startStandIn<ApplicationFaults>(
    (_, { responseMs = 0, status = 200, hangs }) =>
      hangs ? 'never' : { status, afterMs: responseMs, body: { name: 'application (stand-in)' } },
    {},
    place,
  );
}
