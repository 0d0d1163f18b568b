import { setTimeout as pause } from 'node:timers/promises';

import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { MongoClient } from 'mongodb';

import { failure } from '../failure.ts';
import { secondsSince, withHeartbeat } from '../tools/withHeartbeat.ts';
import { withMember, type MongoDependencies } from './memberConnection.ts';
import type { BalancerState, MongoActivities, MongoCluster, SeenPrimary } from './mongo.contract.ts';

type Verb = 'Status' | 'Stop' | 'Start';

/** Where the balancer is spoken to: a mongos that answers, else the config primary, where it runs (real-parts.md 2). */
interface Seat {
  through: string;
  command: (verb: Verb) => Record<string, unknown>;
  client: MongoClient;
}

interface BalancerDependencies extends MongoDependencies {
  findPrimary: (input: { set: MongoCluster['config'] }) => Promise<SeenPrimary>;
}

const electionLimitSeconds = 30;

export function createBalancerActivities(
  dependencies: BalancerDependencies,
): Pick<MongoActivities, 'readBalancer' | 'stopBalancer' | 'restoreBalancer'> {
  async function withSeat<Result>(cluster: MongoCluster, act: (seat: Seat) => Promise<Result>): Promise<Result> {
    for (const router of cluster.routers) {
      const reached = await attempt(() =>
        withMember(dependencies, router, cluster.adminCredential, async (client) => {
          const hello = await client.db('admin').command({ hello: 1 });
          if (hello.msg !== 'isdbgrid') return null;
          return {
            result: await act({
              client,
              through: `mongos ${router.host.name}:${router.port}`,
              command: (verb) => ({ [`balancer${verb}`]: 1 }),
            }),
          };
        }),
      );
      if (reached) return reached.result;
    }
    const primary = await configPrimary(cluster);
    const member = cluster.config.members.find(({ host, port }) => host.name === primary.host && port === primary.port);
    if (!member) throw failure('MongoNoPrimary', `the config primary ${primary.host}:${primary.port} of ${cluster.name} is not described`);
    return withMember(dependencies, member, cluster.adminCredential ?? cluster.config.credential, (client) =>
      // No write concern: the command refuses one.
      act({ client, through: `config primary ${primary.host}:${primary.port}`, command: (verb) => ({ [`_configsvrBalancer${verb}`]: 1 }) }),
    );
  }

  /** The config set may just have lost or regained its primary: an election is waited for. */
  async function configPrimary(cluster: MongoCluster): Promise<SeenPrimary> {
    const beganMs = performance.now();
    for (;;) {
      try {
        return await dependencies.findPrimary({ set: cluster.config });
      } catch (error) {
        if (!(error instanceof ApplicationFailure) || error.type !== 'MongoNoPrimary' || secondsSince(beganMs) > electionLimitSeconds)
          throw error;
        await pause(500, undefined, { signal: cancellationSignal() });
      }
    }
  }

  const read = async ({ client, command, through }: Seat): Promise<BalancerState> => {
    const { mode, inBalancerRound } = await client.db('admin').command(command('Status'));
    return { mode: mode === 'off' ? 'off' : 'full', inRound: inBalancerRound === true, through };
  };

  return {
    readBalancer: ({ cluster }) =>
      withHeartbeat(
        () => ({ cluster: cluster.name }),
        () => withSeat(cluster, read),
      ),

    async stopBalancer({ cluster, limitSeconds }) {
      const beganMs = performance.now();
      let now: (BalancerState & { migrations: number }) | null = null;
      return withHeartbeat(
        () => ({ cluster: cluster.name, ...now, elapsedSeconds: secondsSince(beganMs) }),
        () =>
          withSeat(cluster, async (seat) => {
            await seat.client.db('admin').command(seat.command('Stop'));
            for (;;) {
              const state = await read(seat);
              now = { ...state, migrations: await seat.client.db('config').collection('migrations').countDocuments({}) };
              if (state.mode === 'off' && !state.inRound && now.migrations === 0) return state;
              if (secondsSince(beganMs) >= limitSeconds)
                throw failure(
                  'BalancerNotIdle',
                  `balancer of ${cluster.name} after ${limitSeconds} s: mode ${state.mode}, ${state.inRound ? 'in a round' : 'no round'}, ${now.migrations} migrations`,
                );
              await pause(500, undefined, { signal: cancellationSignal() });
            }
          }),
      );
    },

    restoreBalancer: ({ cluster, mode }) =>
      withHeartbeat(
        () => ({ cluster: cluster.name, mode }),
        () =>
          withSeat(cluster, async (seat) => {
            await seat.client.db('admin').command(seat.command(mode === 'off' ? 'Stop' : 'Start'));
            const state = await read(seat);
            if (state.mode !== mode)
              throw failure(
                'BalancerNotRestored',
                `balancer of ${cluster.name}: set to ${mode}, is ${state.mode}, through ${state.through}`,
              );
            return state;
          }),
      ),
  };
}

/** Null when the router does not answer: the next one, or the config primary, is asked. */
async function attempt<Result>(act: () => Promise<Result>): Promise<Result | null> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof ApplicationFailure && (error.type === 'MongoUnreachable' || error.type === 'HostUnreachable')) return null;
    throw error;
  }
}
