import { setTimeout as pause } from 'node:timers/promises';

import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { BSON, MongoNetworkError, type MongoClient } from 'mongodb';

import { failure } from '../failure.ts';
import { ConnectionRefused, type CommandResult, type Host } from '../hosts/host.ts';
import { endOf, redact, showControlCharacters } from '../tools/redact.ts';
import { endsWithin } from '../tools/unlessAborted.ts';
import { withMember, type Endpoint, type MongoDependencies } from './memberConnection.ts';

const startSecondsMax = 300;
const stopSecondsMax = 120;
const pollMs = 200;

export interface RestoredData {
  host: Host;
  dataDirectory: string;
  mongod: string;
  port: number;
}

/** Never an address that others reach: this mongod asks for no password. A host may have a loopback address of its own. */
function loopbackOf({ ref }: Host): string {
  return ref.address.startsWith('127.') ? ref.address : '127.0.0.1';
}

/**
 * A standalone mongod on an unpacked data directory for one piece of work, always ended. No replication and no sharding, so it contacts nobody;
 * no keyfile, so it asks for no password, on the host's loopback only. Nothing in the copy may change by itself: no expiry of documents, no session clean-up.
 */
export async function withStandalone<T>(
  dependencies: MongoDependencies,
  restored: RestoredData,
  work: (client: MongoClient) => Promise<T>,
): Promise<T> {
  const { host, dataDirectory, mongod, port } = restored;
  const address = loopbackOf(host);
  const endpoint: Endpoint = { host: host.ref, address, port };
  await endLeftover(dependencies, restored, endpoint);
  const command = [
    ...[mongod, '--dbpath', dataDirectory, '--port', String(port), '--bind_ip', address, '--nounixsocket'],
    ...['--wiredTigerCacheSizeGB', '0.25', ...(await layoutOptions(host, dataDirectory))],
    ...['disableLogicalSessionCacheRefresh=true', 'ttlMonitorEnabled=false', 'diagnosticDataCollectionEnabled=false'].flatMap((setting) => [
      '--setParameter',
      setting,
    ]),
  ];
  const stop = new AbortController();
  const cancelled = cancellationSignal();
  const onCancel = (): void => stop.abort(cancelled.reason);
  cancelled.addEventListener('abort', onCancel, { once: true });
  const running = host.run(command, { signal: stop.signal, accept: Array.from({ length: 256 }, (_, code) => code) });
  running.catch(() => {});
  try {
    await waitUntilItListens(restored, running);
    const result = await withMember(dependencies, endpoint, undefined, work, { slowAnswers: true });
    await withMember(dependencies, endpoint, undefined, shutDown);
    if (!(await endsWithin(running, stopSecondsMax * 1000)))
      throw new Error(`mongod on ${dataDirectory} does not end ${stopSecondsMax} s after its shutdown`);
    return result;
  } finally {
    cancelled.removeEventListener('abort', onCancel);
    stop.abort(new Error('the proof is over'));
    await running.catch(() => {});
  }
}

async function waitUntilItListens({ host, port, dataDirectory }: RestoredData, running: Promise<CommandResult>): Promise<void> {
  const deadlineMs = performance.now() + startSecondsMax * 1000;
  const ended = running.then((result) => {
    throw failure(
      'RestoreNotVerified',
      `mongod on ${dataDirectory} of ${host.ref.name} ended with exit code ${result.exitCode} after ${(result.elapsedMs / 1000).toFixed(1)} s: ${complaints(result)}`,
      { host: host.ref.name, exitCode: result.exitCode },
    );
  });
  ended.catch(() => {});
  while (!(await listens(host, port))) {
    if (performance.now() > deadlineMs)
      throw failure('MongoUnreachable', `mongod on ${dataDirectory} of ${host.ref.name} opens no port within ${startSecondsMax} s`);
    await Promise.race([ended, pause(pollMs, undefined, { signal: cancellationSignal() })]);
  }
}

async function listens(host: Host, port: number): Promise<boolean> {
  try {
    (await host.connect(port, loopbackOf(host))).destroy();
    return true;
  } catch (error) {
    if (error instanceof ConnectionRefused) return false;
    throw error;
  }
}

/** A worker that was killed leaves its mongod behind. It is recognised by its data directory; anything else on the port is left alone. */
async function endLeftover(
  dependencies: MongoDependencies,
  { host, port, dataDirectory }: RestoredData,
  endpoint: Endpoint,
): Promise<void> {
  if (!(await listens(host, port))) return;
  const taken = failure(
    'CommandFailed',
    `port ${port} of ${loopbackOf(host)} on ${host.ref.name} is taken by something else than a mongod on ${dataDirectory}`,
  );
  const processId = await withMember(dependencies, endpoint, undefined, async (client) => {
    const options = await client.db('admin').command({ getCmdLineOpts: 1 });
    const parsed = options.parsed as { storage?: { dbPath?: string } } | undefined;
    if (parsed?.storage?.dbPath !== dataDirectory) throw taken;
    const { pid } = await client.db('admin').command({ serverStatus: 1 });
    await shutDown(client);
    return Number(pid);
  }).catch((error: unknown) => {
    throw error instanceof ApplicationFailure && error.type === 'CredentialsRejected' ? taken : error;
  });
  const deadlineMs = performance.now() + stopSecondsMax * 1000;
  // Its port is closed before it lets go of the files.
  while ((await listens(host, port)) || (await runs(host, processId))) {
    if (performance.now() > deadlineMs) throw taken;
    await pause(pollMs, undefined, { signal: cancellationSignal() });
  }
}

/** Whether a process of the host runs; one that has ended and that nobody has asked about is none. */
async function runs(host: Host, processId: number): Promise<boolean> {
  const script = 'read -r process_stat 2>/dev/null <"/proc/$1/stat" || exit 1; case "${process_stat##*) }" in Z*) exit 1;; esac';
  const { exitCode } = await host.run(['sh', '-c', script, 'nightshift', String(processId)], {
    accept: [0, 1, 2],
    timeoutSeconds: 30,
    signal: cancellationSignal(),
  });
  return exitCode === 0;
}

/** The answer to a shutdown is a closed connection. */
async function shutDown(client: MongoClient): Promise<void> {
  await client
    .db('admin')
    .command({ shutdown: 1, force: true, timeoutSecs: 0 })
    .catch((error: unknown) => {
      if (!(error instanceof MongoNetworkError)) throw error;
    });
}

/** How the files are laid out is an option that mongod must be given again; it notes it in storage.bson, and refuses to start without. */
async function layoutOptions(host: Host, dataDirectory: string): Promise<string[]> {
  const { exitCode, stdout } = await host.run(['base64', `${dataDirectory}/storage.bson`], {
    accept: [0, 1],
    timeoutSeconds: 30,
    signal: cancellationSignal(),
  });
  // Not a data directory: mongod will say what is wrong with it.
  if (exitCode !== 0) return [];
  const { storage } = BSON.deserialize(Buffer.from(stdout, 'base64')) as {
    storage?: { options?: { directoryPerDB?: boolean; directoryForIndexes?: boolean } };
  };
  return [
    ...(storage?.options?.directoryPerDB ? ['--directoryperdb'] : []),
    ...(storage?.options?.directoryForIndexes ? ['--wiredTigerDirectoryForIndexes'] : []),
  ];
}

/** mongod logs JSON lines to its standard output; severities F and E say why it ended. */
function complaints({ stdout, stderrTail }: CommandResult): string {
  const lines = stdout.split('\n').filter((line) => /"s":"[FE]"/.test(line));
  return endOf(showControlCharacters(redact([...lines, stderrTail].join('\n').trim() || stdout)), 2_000);
}
