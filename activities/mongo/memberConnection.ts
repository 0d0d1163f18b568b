import { randomUUID } from 'node:crypto';

import { cancellationSignal } from '@temporalio/activity';
import { MongoClient, MongoNetworkError, MongoServerError, MongoServerSelectionError, type MongoClientOptions } from 'mongodb';

import { failure } from '../failure.ts';
import { ConnectionRefused, type OpenHost, type ResolveSecret } from '../hosts/host.ts';
import type { HostRef } from '../hosts/hosts.contract.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import { endsWithin, unlessAborted } from '../tools/unlessAborted.ts';
import type { MongoCredential } from './mongo.contract.ts';

export interface MongoDependencies {
  openHost: OpenHost;
  resolveSecret: ResolveSecret;
  now: () => Date;
}

/** One mongod or mongos: a machine, and where it listens seen from there. */
export interface Endpoint {
  host: HostRef;
  address: string;
  port: number;
}

const connectSecondsMax = 5;
/** A frozen process accepts connections and never answers. */
const answerSecondsMax = 10;

/** Codes of a member that has just given up its role, or is about to: https://github.com/mongodb/specifications (SDAM, "not writable primary" and "recovering"). */
const roleLostCodes = new Set<unknown>([91, 189, 10107, 11600, 11602, 13435, 13436]);
const authenticationFailed = 18;
const unauthorized = 13;

/**
 * A direct connection to one member for one piece of work, through the way to its host; closed afterwards in every case. The password is read
 * anew, so a rotated one counts from the next attempt. An abort ends the operation on the server too: a dbHash that nobody waits for any more would keep its lock.
 */
export async function withMember<T>(
  { openHost, resolveSecret }: Pick<MongoDependencies, 'openHost' | 'resolveSecret'>,
  endpoint: Endpoint,
  credential: MongoCredential | undefined,
  work: (client: MongoClient) => Promise<T>,
  { slowAnswers = false } = {},
): Promise<T> {
  const signal = cancellationSignal();
  const host = await openHost(endpoint.host);
  const place = placeOf(endpoint);
  // Asked first: behind the forward a port that refuses looks like a broken connection, and the driver would try it for seconds.
  try {
    (await host.connect(endpoint.port, endpoint.address)).destroy();
  } catch (error) {
    if (error instanceof ConnectionRefused) throw failure('MongoUnreachable', `${place} refuses connections`, { place }, error);
    throw error;
  }
  const applicationName = `nightshift ${randomUUID()}`;
  const options: MongoClientOptions = {
    appName: applicationName,
    directConnection: true,
    serverSelectionTimeoutMS: connectSecondsMax * 1000,
    connectTimeoutMS: connectSecondsMax * 1000,
    socketTimeoutMS: slowAnswers ? 0 : answerSecondsMax * 1000,
    maxPoolSize: 2,
    serverMonitoringMode: 'poll',
    retryReads: false,
    retryWrites: false,
  };
  if (credential) {
    options.auth = { username: credential.username, password: await resolveSecret(credential.password) };
    options.authSource = credential.authSource;
  }
  const forward = await host.forward(endpoint.port, endpoint.address);
  try {
    const client = new MongoClient(`mongodb://127.0.0.1:${forward.port}/`, options);
    try {
      return await unlessAborted(
        client.connect().then(() => work(client)),
        [signal],
      );
    } catch (error) {
      if (!signal.aborted) throw describeMongoError(error, place, credential);
      await endsWithin(endOwnOperations(client, applicationName), connectSecondsMax * 1000);
      throw cancellationOf(signal);
    } finally {
      await client.close();
    }
  } finally {
    await forward.close();
  }
}

export function placeOf({ host, port }: Pick<Endpoint, 'host' | 'port'>): string {
  return `${host.name}:${port}`;
}

/** Anybody may see and end the operations of his own user; the application's name leaves other work of that user alone. */
async function endOwnOperations(client: MongoClient, applicationName: string): Promise<void> {
  const admin = client.db('admin');
  const mine = await admin.aggregate([{ $currentOp: {} }, { $match: { appName: applicationName, opid: { $exists: true } } }]).toArray();
  for (const { opid } of mine) await admin.command({ killOp: 1, op: opid as unknown });
}

function describeMongoError(error: unknown, place: string, credential: MongoCredential | undefined): unknown {
  if (error instanceof MongoServerSelectionError || error instanceof MongoNetworkError)
    return failure('MongoUnreachable', `${place} does not answer: ${error.message}`, { place }, error);
  if (!(error instanceof MongoServerError)) return error;
  const who = credential ? `user ${credential.username} (secret "${credential.password}")` : 'a connection without a user';
  if (error.code === authenticationFailed)
    return failure('CredentialsRejected', `${place} does not accept ${who} of database ${credential?.authSource}`, { place }, error);
  if (error.code === unauthorized)
    return failure('CredentialsRejected', `${place} does not give ${who} enough rights: ${error.message}`, { place }, error);
  if (roleLostCodes.has(error.code))
    return failure('MongoNoPrimary', `${place} gave up its role in the meantime: ${error.message}`, { place }, error);
  return error;
}
