import { S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';

import { failure } from '../failure.ts';
import type { ResolveSecret } from '../hosts/host.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import { redact } from '../tools/redact.ts';
import type { ObjectStore } from './objectStore.contract.ts';

const attemptsMax = 5;
const connectionTimeoutMs = 10_000;
/** Without a byte in either direction; a store may take minutes to put the parts of a large object together. */
const silenceMaxMs = 300_000;
const messageCharactersMax = 300;

const rejections = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'AccessDenied',
  'ExpiredToken',
  'InvalidToken',
  'CredentialsProviderError',
  // The Versity gateway's word for an unknown access key, with status 404.
  'XAdminUserNotFound',
]);

/** Gives a client with the secrets of this moment, and tells whatever goes wrong in the words of the catalogue. */
export async function withStore<T>(
  store: ObjectStore,
  resolveSecret: ResolveSecret,
  cancelled: AbortSignal,
  act: (client: S3Client) => Promise<T>,
): Promise<T> {
  const secrets: string[] = [];
  let client: S3Client | undefined;
  try {
    client = new S3Client({
      region: store.region,
      forcePathStyle: store.pathStyle,
      maxAttempts: attemptsMax,
      requestHandler: { connectionTimeout: connectionTimeoutMs, socketTimeout: silenceMaxMs },
      ...(store.endpoint ? { endpoint: store.endpoint } : {}),
      ...(await credentialsOf(store, resolveSecret, secrets)),
    });
    return await act(client);
  } catch (error) {
    throw cancelled.aborted ? cancellationOf(cancelled) : describe(error, store, secrets);
  } finally {
    client?.destroy();
  }
}

async function credentialsOf(store: ObjectStore, resolveSecret: ResolveSecret, secrets: string[]): Promise<object> {
  if (!store.accessKeyId && !store.secretAccessKey) return {};
  if (!store.accessKeyId || !store.secretAccessKey)
    throw failure('InvalidInput', `${placeOf(store)} has only one of access key and secret key: give both or neither`);
  const accessKeyId = await resolveSecret(store.accessKeyId);
  const secretAccessKey = await resolveSecret(store.secretAccessKey);
  secrets.push(accessKeyId, secretAccessKey);
  return { credentials: { accessKeyId, secretAccessKey } };
}

export function placeOf(store: ObjectStore): string {
  return `bucket ${store.bucket} at ${redact(store.endpoint ?? `the provider's endpoint for ${store.region}`)}`;
}

/** Whether the store answers that it has no such thing. */
export function isAbsent(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404 && error.name !== 'NoSuchBucket';
}

function describe(error: unknown, store: ObjectStore, secrets: readonly string[]): unknown {
  // Ours already, or a mistake in the program, which must not look like the store's.
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  if (error instanceof TypeError || error instanceof RangeError || !(error instanceof Error)) return error;
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
  const facts = { bucket: store.bucket, endpoint: store.endpoint, status };
  if (rejections.has(error.name) || status === 401 || status === 403) {
    const names = [store.accessKeyId, store.secretAccessKey].filter((name) => name !== undefined).map((name) => `"${name}"`);
    const who = names.length > 0 ? `the credentials of secrets ${names.join(' and ')}` : `the worker's own identity`;
    return failure('CredentialsRejected', `${placeOf(store)} rejects ${who}: ${error.name}${status ? ` (${status})` : ''}`, facts);
  }
  const { code } = error as NodeJS.ErrnoException;
  const said = [status, error.name === 'Error' ? undefined : error.name, code, error.message].filter(Boolean).join(' ');
  // The SDK's own error is not passed on: it carries the request.
  return failure('ObjectStoreUnavailable', `${placeOf(store)}: ${redact(said, secrets).slice(0, messageCharactersMax)}`, facts);
}
