import { setTimeout as pause } from 'node:timers/promises';

/** A server ends a session within milliseconds of being told to. */
const goneMaxMs = 30_000;
const lookMs = 20;

/** Looks until the sessions have gone from the server, at most 30 s; then it is left at that. */
export async function untilGone(look: () => Promise<boolean>): Promise<void> {
  for (const beganMs = performance.now(); performance.now() - beganMs < goneMaxMs; await pause(lookMs)) if (await look()) return;
}
