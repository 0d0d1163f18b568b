export interface WindowAt {
  /** Begin and end of the window that holds the given instant, or of the next one; ISO 8601 UTC. */
  beginAt: string;
  endAt: string;
  /** Whether the given instant lies in it. */
  inside: boolean;
  /** Real length in hours: 11 or 13 instead of 12 on the two nights of the year when the clocks change. */
  lengthHours: number;
}

export interface ClockActivities {
  /** The nightly window around or after an instant, in local time of a zone. Pure; a local activity so that zone data stays out of the sandbox. */
  findWindow(input: { begin: string; end: string; zone: string; at: string }): Promise<WindowAt>;
  /** The first instant at or after `from` at which the zone's clocks show `time` ("HH:MM"). A time that the clocks skip is moved forward by the jump (02:30 is 03:30), of two the first counts. */
  findLocalTime(input: { time: string; zone: string; from: string }): Promise<{ at: string }>;
}
