import { setTimeout as pause } from 'node:timers/promises';

import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { MongoServerError, type Document, type MongoClient } from 'mongodb';

import { failure } from '../failure.ts';
import { withHeartbeat } from '../tools/withHeartbeat.ts';
import { placeOf, withMember, type MongoDependencies } from './memberConnection.ts';
import { shortMessage } from './memberView.ts';
import type { BalancerMode, BalancerState, MongoCluster } from './mongo.contract.ts';
import { findPrimaryOf } from './primary.ts';

/** A way to give the balancer orders. mongos has public commands; without any mongos the config primary answers their internal forms. */
interface BalancerSeat {
  through: string;
  client: MongoClient;
  commands: { status: string; stop: string; start: string };
}

const routerCommands = { status: 'balancerStatus', stop: 'balancerStop', start: 'balancerStart' };
const configCommands = { status: '_configsvrBalancerStatus', stop: '_configsvrBalancerStop', start: '_configsvrBalancerStart' };
const pollMs = 500;
/** The config set may have lost or restarted its primary a moment ago. */
const seatSecondsMax = 20;
const readingSecondsMax = 10;

const passingTypes: readonly unknown[] = ['MongoUnreachable', 'MongoNoPrimary', 'HostUnreachable'];

export async function readBalancerOf(dependencies: MongoDependencies, cluster: MongoCluster): Promise<BalancerState> {
  return withBalancer(dependencies, cluster, readState, readingSecondsMax);
}

export async function stopBalancerOf(dependencies: MongoDependencies, cluster: MongoCluster, limitSeconds: number): Promise<BalancerState> {
  const deadlineMs = performance.now() + limitSeconds * 1000;
  let waitingFor = 'an answer';
  const untilIdle = async (seat: BalancerSeat): Promise<BalancerState> => {
    await seat.client.db('admin').command({ [seat.commands.stop]: 1 });
    for (;;) {
      const state = await readState(seat);
      const migrations = await listMigrations(seat.client);
      if (state.mode === 'off' && !state.inRound && migrations.length === 0) return state;
      waitingFor = [`mode ${state.mode}`, ...(state.inRound ? ['a round runs'] : []), ...migrations].join(', ');
      if (performance.now() > deadlineMs)
        throw failure(
          'BalancerNotIdle',
          `balancer of ${cluster.name}, through ${state.through}: after ${limitSeconds} s still ${waitingFor}`,
          {
            cluster: cluster.name,
            migrations,
          },
        );
      await pause(pollMs, undefined, { signal: cancellationSignal() });
    }
  };
  return withHeartbeat(
    () => ({ waitingFor }),
    () => withBalancer(dependencies, cluster, untilIdle, Math.min(limitSeconds, seatSecondsMax)),
  );
}

export async function restoreBalancerOf(
  dependencies: MongoDependencies,
  cluster: MongoCluster,
  mode: BalancerMode,
): Promise<BalancerState> {
  const setAndRead = async (seat: BalancerSeat): Promise<BalancerState> => {
    await seat.client.db('admin').command({ [mode === 'off' ? seat.commands.stop : seat.commands.start]: 1 });
    const state = await readState(seat);
    if (state.mode !== mode)
      throw failure('BalancerNotRestored', `balancer of ${cluster.name}, through ${state.through}: set to ${mode}, reads ${state.mode}`, {
        cluster: cluster.name,
      });
    return state;
  };
  return withHeartbeat(
    () => ({ setting: mode }),
    () => withBalancer(dependencies, cluster, setAndRead, seatSecondsMax),
  );
}

/** Through the first mongos that answers, else on the config primary; tried again for a while when the answer is one that passes. */
async function withBalancer<T>(
  dependencies: MongoDependencies,
  cluster: MongoCluster,
  work: (seat: BalancerSeat) => Promise<T>,
  patienceSeconds: number,
): Promise<T> {
  const deadlineMs = performance.now() + patienceSeconds * 1000;
  for (;;) {
    try {
      return await throughRouter(dependencies, cluster, work);
    } catch (error) {
      if (!(error instanceof NoRouter)) throw error;
      try {
        return await onConfigPrimary(dependencies, cluster, work);
      } catch (configError) {
        if (!passes(configError)) throw configError;
        if (performance.now() > deadlineMs)
          throw failure(
            'MongoNoPrimary',
            `balancer of ${cluster.name} cannot be asked for ${patienceSeconds} s: ${[...error.reasons, shortMessage(configError)].join('; ')}`,
            { cluster: cluster.name },
            configError,
          );
      }
    }
    await pause(pollMs, undefined, { signal: cancellationSignal() });
  }
}

/** No mongos answered, each for its reason. */
class NoRouter extends Error {
  reasons: string[] = [];
}

async function throughRouter<T>(
  dependencies: MongoDependencies,
  cluster: MongoCluster,
  work: (seat: BalancerSeat) => Promise<T>,
): Promise<T> {
  const none = new NoRouter('no mongos answers');
  for (const router of cluster.routers) {
    const place = `mongos ${placeOf(router)}`;
    try {
      return await withMember(dependencies, router, cluster.adminCredential, async (client) => {
        const hello = await client.db('admin').command({ hello: 1 });
        if (hello.msg !== 'isdbgrid') throw failure('InvalidDefinition', `${placeOf(router)} of ${cluster.name} is not a mongos`);
        return work({ through: place, client, commands: routerCommands });
      });
    } catch (error) {
      if (!passes(error)) throw error;
      none.reasons.push(`${place}: ${shortMessage(error)}`);
    }
  }
  throw none;
}

async function onConfigPrimary<T>(
  dependencies: MongoDependencies,
  cluster: MongoCluster,
  work: (seat: BalancerSeat) => Promise<T>,
): Promise<T> {
  const { view } = await findPrimaryOf(dependencies, cluster.config);
  const credential = cluster.adminCredential ?? cluster.config.credential;
  const through = `config primary ${placeOf(view.member)}`;
  return withMember(dependencies, view.member, credential, (client) => work({ through, client, commands: configCommands }));
}

function passes(error: unknown): error is ApplicationFailure {
  return error instanceof ApplicationFailure && passingTypes.includes(error.type);
}

async function readState({ client, commands, through }: BalancerSeat): Promise<BalancerState> {
  const status = await client.db('admin').command({ [commands.status]: 1 });
  // Before 6.1 there is a third mode, "autoSplitOnly", in which nothing moves.
  return { mode: status.mode === 'full' ? 'full' : 'off', inRound: status.inBalancerRound === true, through };
}

const notReadableCodes: readonly unknown[] = [13, 59];

/** Migrations under way, in words: a chunk that still moves would be in both copies, or in none. Empty when the user may not read them. */
async function listMigrations(client: MongoClient): Promise<string[]> {
  const config = client.db('config');
  try {
    const migrations = await config.collection('migrations').find().limit(10).toArray();
    // The balancer's own lock is held for as long as a config primary lives.
    const locks = await config
      .collection<Document & { _id: string }>('locks')
      .find({ state: { $gt: 0 }, _id: { $ne: 'balancer' } })
      .limit(10)
      .toArray();
    return [
      ...migrations.map(({ ns, fromShard, toShard }) => `migration of ${String(ns)} from ${String(fromShard)} to ${String(toShard)}`),
      ...locks.map(({ _id, why }) => `lock of ${_id} (${String(why)})`),
    ];
  } catch (error) {
    if (error instanceof MongoServerError && notReadableCodes.includes(error.code)) return [];
    throw error;
  }
}
