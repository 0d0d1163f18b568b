/**
 * Waits for the work, or rejects with the reason of the first signal that aborts. The work itself goes on: whoever gives up
 * says what becomes of it. Listeners are taken off again, so long-lived signals may be used for many short waits.
 */
export async function unlessAborted<T>(work: Promise<T>, signals: readonly (AbortSignal | undefined)[]): Promise<T> {
  const given = signals.filter((signal) => signal !== undefined);
  const aborted = given.find((signal) => signal.aborted);
  if (aborted) {
    work.catch(() => {});
    throw aborted.reason;
  }
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const giveUp = (event: Event): void => reject((event.target as AbortSignal).reason);
  for (const signal of given) signal.addEventListener('abort', giveUp, { once: true });
  work.then(resolve, reject);
  try {
    return await promise;
  } finally {
    for (const signal of given) signal.removeEventListener('abort', giveUp);
  }
}

/** True when the work ends, well or badly, before the time has passed. */
export async function endsWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const { promise: passed, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), milliseconds);
  const ended = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([ended, passed]);
  } finally {
    clearTimeout(timer);
  }
}
