import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';

import { local } from './profiles.ts';

/** First line of every workflow: validates and resolves the input in a local activity, so that a bad one fails the run with every fault, readable. */
export async function readInput<Request>(procedure: string, input: unknown): Promise<Request> {
  try {
    return (await local.readRequest({ procedure, input: input ?? null })) as Request;
  } catch (error) {
    if (error instanceof ActivityFailure && error.cause instanceof ApplicationFailure) throw error.cause;
    throw error;
  }
}
