/** What a bench has begun, to be ended in reverse order. */
export interface Endings {
  atEnd: (end: () => Promise<unknown>) => void;
  /** Ends everything, whatever fails on the way; then throws the first error. */
  end: () => Promise<void>;
}

export function endings(): Endings {
  const ends: (() => Promise<unknown>)[] = [];
  return {
    atEnd: (end) => void ends.push(end),
    async end() {
      const errors: unknown[] = [];
      for (const each of ends.splice(0).reverse()) await each().catch((error: unknown) => errors.push(error));
      if (errors.length > 0) throw errors[0];
    },
  };
}
