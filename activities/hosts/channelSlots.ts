import { unlessAborted } from '../tools/unlessAborted.ts';

export interface ChannelSlots {
  /** Waits for a free slot; gives back what frees it. Rejects with the reason of a signal that aborts first. */
  take(signals: readonly AbortSignal[]): Promise<() => void>;
}

/** Bounds the sessions on one connection: sshd refuses one more than its MaxSessions (10 unless configured). First come, first served. */
export function createChannelSlots(slotsMax: number): ChannelSlots {
  let free = slotsMax;
  const waiting: PromiseWithResolvers<void>[] = [];
  const give = (): void => {
    const next = waiting.shift();
    if (next) next.resolve();
    else free += 1;
  };
  const releaseOnce = (): (() => void) => {
    let held = true;
    return () => {
      if (held) give();
      held = false;
    };
  };
  return {
    async take(signals) {
      if (free > 0) {
        free -= 1;
        return releaseOnce();
      }
      const turn = Promise.withResolvers<void>();
      waiting.push(turn);
      try {
        await unlessAborted(turn.promise, signals);
      } catch (error) {
        const place = waiting.indexOf(turn);
        if (place >= 0) waiting.splice(place, 1);
        else give();
        throw error;
      }
      return releaseOnce();
    },
  };
}
