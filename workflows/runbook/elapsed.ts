/** Seconds since `beganMs` (epoch ms) by the workflow's clock, in tenths: as reports have them. */
export function secondsSince(beganMs: number, endMs = Date.now()): number {
  return Math.round((endMs - beganMs) / 100) / 10;
}
