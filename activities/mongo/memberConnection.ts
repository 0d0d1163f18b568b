import { MongoClient, MongoServerError } from 'mongodb';

import { failure } from '../failure.ts';
import { ConnectionRefused, type OpenHost, type ResolveSecret } from '../hosts/host.ts';
import type { HostRef } from '../hosts/hosts.contract.ts';
import type { MongoCredential } from './mongo.contract.ts';

export interface MongoDependencies {
  openHost: OpenHost;
  resolveSecret: ResolveSecret;
  now: () => Date;
}

/** One mongod or mongos, by where it listens on its host. */
export interface MongoPlace {
  host: HostRef;
  address: string;
  port: number;
}

const selectionLimitMs = 8_000;
const authenticationFailed = 18;
const unauthorized = 13;

/**
 * Runs `act` on a direct connection to one member, made from its host's own point of view; closes it whatever happens. The password is read afresh each time.
 * Throws MongoUnreachable, CredentialsRejected; failures of the host as openHost throws them; other errors of `act` as they are.
 */
export async function withMember<Result>(
  { openHost, resolveSecret }: MongoDependencies,
  place: MongoPlace,
  credential: MongoCredential | undefined,
  act: (client: MongoClient) => Promise<Result>,
): Promise<Result> {
  const host = await openHost(place.host);
  const name = `${place.host.name}:${place.port}`;
  try {
    // The driver takes seconds to give up a closed port; a connection of our own tells at once.
    (await host.connect(place.port, place.address)).destroy();
  } catch (error) {
    if (error instanceof ConnectionRefused) throw failure('MongoUnreachable', `${name} refuses connections`);
    throw error;
  }
  const forward = await host.forward(place.port, place.address);
  const client = new MongoClient(`mongodb://127.0.0.1:${forward.port}/`, {
    directConnection: true,
    serverSelectionTimeoutMS: selectionLimitMs,
    connectTimeoutMS: selectionLimitMs,
    heartbeatFrequencyMS: 1_000,
    maxPoolSize: 2,
    appName: 'nightshift',
    ...(credential
      ? { auth: { username: credential.username, password: await resolveSecret(credential.password) }, authSource: credential.authSource }
      : {}),
  });
  try {
    await client.connect();
    return await act(client);
  } catch (error) {
    throw named(error, name, credential);
  } finally {
    await client.close(true).catch(() => undefined);
    await forward.close();
  }
}

function named(error: unknown, name: string, credential: MongoCredential | undefined): unknown {
  if (error instanceof MongoServerError && error.code === authenticationFailed)
    return failure(
      'CredentialsRejected',
      `${name} rejects user ${credential?.username ?? '(none)'} with secret "${credential?.password ?? '(none)'}"`,
    );
  if (error instanceof MongoServerError && error.code === unauthorized)
    return failure('CredentialsRejected', `${name}: user ${credential?.username ?? '(none)'} lacks a right: ${error.message}`);
  if (error instanceof Error && /^Mongo(ServerSelection|Network|PoolCleared|TopologyClosed|NotConnected)/.test(error.name))
    return failure('MongoUnreachable', `${name}: ${error.message}`);
  return error;
}
