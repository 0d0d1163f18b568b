import assert from 'node:assert/strict';

import { ApplicationFailure } from '@temporalio/common';

import { createHosts } from '../../../activities/hosts/openHost.ts';
import { createMongoActivities } from '../../../activities/mongo/mongoActivities.ts';
import { resolveSecret, secrets } from './realMongod.ts';

const { openHost } = createHosts({ resolveSecret });

export const mongo = createMongoActivities({ openHost, resolveSecret, now: () => new Date() });

/** The failure that a call ends with, of the type that is expected; no secret stands in it. */
export async function failureOf(type: string, call: Promise<unknown>): Promise<ApplicationFailure> {
  const error = await call.then(
    (result) => assert.fail(`expected ${type}, got ${JSON.stringify(result)}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ApplicationFailure, `expected ${type}, got ${String(error)}`);
  assert.equal(error.type, type, error.message);
  const told = `${error.message} ${JSON.stringify(error.details)} ${error.stack ?? ''}`;
  for (const secret of Object.values(secrets)) assert.ok(!told.includes(secret), 'a secret stands in the failure');
  return error;
}
