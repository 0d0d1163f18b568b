import type { RequestActivities } from './requests.contract.ts';

/** @param readRequest validates and resolves the input of one workflow type; throws with every fault. */
export function createRequestActivities({
  readRequest,
}: {
  readRequest: (procedure: string, input: unknown) => Promise<unknown>;
}): RequestActivities {
  return { readRequest: ({ procedure, input }) => readRequest(procedure, input) };
}
