import { setTimeout as pause } from 'node:timers/promises';

import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import { failure } from '../failure.ts';
import type { Host } from '../hosts/host.ts';
import { secondsSince, withHeartbeat } from '../tools/withHeartbeat.ts';
import { compareContent, readContent } from './content.ts';
import { withMember, type MongoDependencies } from './memberConnection.ts';
import type { MongoActivities } from './mongo.contract.ts';

const startLimitSeconds = 300;

/**
 * A mongod of its own on unpacked files: a loopback port, no replication, no authentication (no key file is given), nothing written: it applies what
 * the oplog still holds, as a restored member would, and then serves reads only.
 */
const logOf = (dataDirectory: string): string => `${dataDirectory}/nightshift-proof.log`;

function commandFor(mongod: string, dataDirectory: string, port: number, address: string): string[] {
  return [
    mongod,
    ...[
      '--dbpath',
      dataDirectory,
      '--port',
      String(port),
      '--bind_ip',
      address,
      '--nounixsocket',
      '--wiredTigerCacheSizeGB',
      '0.25',
      '--quiet',
      '--logpath',
      logOf(dataDirectory),
    ],
    ...[
      '--setParameter',
      'recoverFromOplogAsStandalone=true',
      '--setParameter',
      'disableLogicalSessionCacheRefresh=true',
      '--setParameter',
      'ttlMonitorEnabled=false',
    ],
  ];
}

export function createRestoredDataActivities(dependencies: MongoDependencies): Pick<MongoActivities, 'checkRestoredData'> {
  return {
    async checkRestoredData({ host: ref, dataDirectory, mongod, port, expected }) {
      const beganMs = performance.now();
      const host = await dependencies.openHost(ref);
      // Never an address that others reach: this mongod asks for no password. A host may have a loopback address of its own.
      const address = ref.address.startsWith('127.') ? ref.address : '127.0.0.1';
      const ending = new AbortController();
      const cancelled = cancellationSignal();
      let at = 'starting';
      let ended: string | null = null;
      const process = host
        .run(commandFor(mongod, dataDirectory, port, address), { signal: AbortSignal.any([ending.signal, cancelled]) })
        .then(
          () => {
            ended = 'it ended by itself';
          },
          (error: unknown) => {
            ended = error instanceof Error ? error.message : String(error);
          },
        );
      const place = { host: ref, address, port };
      const role = expected.collections.some(({ database }) => database === 'config') ? 'config' : 'shard';
      const countsOnly = expected.collections.length > 0 && expected.collections.every(({ digest }) => digest === '');
      try {
        return await withHeartbeat(
          () => ({ at, elapsedSeconds: secondsSince(beganMs) }),
          async () => {
            await untilItAnswers(dependencies, place, () => ended, cancelled).catch(async (error: unknown) => {
              throw ended === null
                ? error
                : failure(
                    'RestoreNotVerified',
                    `the mongod on the unpacked files of ${ref.name} ended: ${ended}. Its log: ${await lastWords(host, dataDirectory)}`,
                  );
            });
            const found = await withMember(dependencies, place, undefined, (client) =>
              readContent(client, role, countsOnly, (database) => {
                at = `reading ${database}`;
              }),
            );
            return {
              collections: found.length,
              documents: found.reduce((sum, { count }) => sum + count, 0),
              differences: compareContent(expected.collections, found),
            };
          },
        );
      } finally {
        ending.abort();
        await process;
      }
    },
  };
}

/** What the mongod logged of its end: errors and fatal lines, else the last lines. */
async function lastWords(host: Host, dataDirectory: string): Promise<string> {
  const script = 'grep -E \'"s":"[EF]"\' "$1" | tail -n 4 | cut -c1-400; tail -n 2 "$1" | cut -c1-300';
  const { stdout } = await host.run(['sh', '-c', script, 'nightshift', logOf(dataDirectory)], { accept: [0, 1, 2], timeoutSeconds: 20 });
  return stdout.slice(0, 2_000);
}

async function untilItAnswers(
  dependencies: MongoDependencies,
  place: { host: Parameters<MongoDependencies['openHost']>[0]; address: string; port: number },
  ended: () => string | null,
  cancelled: AbortSignal,
): Promise<void> {
  const beganMs = performance.now();
  for (;;) {
    const end = ended();
    if (end !== null)
      throw failure('RestoreNotVerified', `the mongod on the unpacked files of ${place.host.name} ended: ${end.slice(-600)}`);
    try {
      await withMember(dependencies, place, undefined, (client) => client.db('admin').command({ ping: 1 }));
      return;
    } catch (error) {
      if (!(error instanceof ApplicationFailure) || error.type !== 'MongoUnreachable') throw error;
    }
    if (secondsSince(beganMs) > startLimitSeconds)
      throw failure(
        'RestoreNotVerified',
        `the mongod on the unpacked files of ${place.host.name} does not answer after ${startLimitSeconds} s`,
      );
    await pause(300, undefined, { signal: cancelled });
  }
}
