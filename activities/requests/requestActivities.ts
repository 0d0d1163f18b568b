import { failure } from '../failure.ts';
import type { RequestActivities } from './requests.contract.ts';

/** Reads the input of one procedure. Throws InvalidInput or InvalidPlatform with every fault. */
export type RequestReader = (input: unknown) => Promise<unknown>;

export function createRequestActivities({ readers }: { readers: Record<string, RequestReader> }): RequestActivities {
  return {
    async readRequest({ procedure, input }) {
      const reader = readers[procedure];
      if (!reader) throw failure('InvalidInput', `no reader for the input of ${procedure}`);
      return reader(input);
    },
  };
}
