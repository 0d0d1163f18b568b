import { createHash } from 'node:crypto';

/** application_name of a run's sessions: at most 63 bytes, so replica and run stand as short marks. */
export function applicationOf({ replica, run }: { replica: string; run: string }, what: string): string {
  return `nightshift ${markOf(replica)} ${markOf(run)} ${what}`.slice(0, 63);
}

export function markOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
