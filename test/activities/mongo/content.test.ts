import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { execa } from 'execa';
import { CancelledFailure } from '@temporalio/common';
import type { Document } from 'mongodb';

import { freePort } from '../../../deploy/lab/freePort.ts';
import type { ContentRecord, ReplicaSet, SeenPrimary } from '../../../activities/mongo/mongo.contract.ts';
import { beginActivity, runActivity } from '../../support/runActivity.ts';
import { findMongod, hostRef, openRealMongo, operator, patienceMs, type RealMongo, type RealReplicaSet } from './realMongod.ts';
import { failureOf, mongo } from './testActivities.ts';
import { waitUntil } from '../../support/waitUntil.ts';

const { mongod = '', missing } = await findMongod();
const majority = { writeConcern: { w: 'majority' as const, wtimeout: patienceMs } };

const record = (set: ReplicaSet, countsOnly = false): Promise<ContentRecord> => runActivity(() => mongo.recordContent({ set, countsOnly }));

describe(
  'content of a shard of three and its config set, recorded and found again in a copy',
  { skip: missing, timeout: 1_100_000 },
  () => {
    let real: RealMongo;
    let shard: RealReplicaSet;
    let config: RealReplicaSet;
    let copy = '';

    /** What the procedure does: record, find, stop, prove the stop, archive the files; then start again. */
    async function copyOfStopped(source: RealReplicaSet): Promise<{ expected: ContentRecord; directory: string; stopped: SeenPrimary }> {
      const expected = await record(source.set);
      const stopped = await runActivity(() => mongo.findPrimary({ set: source.set }));
      await source.stop(stopped.host);
      await runActivity(() => mongo.confirmPrimaryStopped({ set: source.set, stopped }));
      const directory = join(copy, `${source.set.name}-${expected.takenAt.replaceAll(':', '')}`);
      await mkdir(directory, { recursive: true });
      await execa('tar', ['-cf', `${directory}.tar`, '-C', source.member(stopped.host).dataDirectory, '.']);
      await execa('tar', ['-xf', `${directory}.tar`, '-C', directory]);
      await rm(`${directory}.tar`);
      await source.start(stopped.host);
      await runActivity(() => mongo.waitForReplicaSet({ set: source.set, limitSeconds: 300 }));
      return { expected, directory, stopped };
    }
    const prove = async (expected: ContentRecord, dataDirectory: string) => {
      const port = await freePort();
      return runActivity(() => mongo.checkRestoredData({ host: hostRef('proof'), dataDirectory, mongod, port, expected }));
    };

    before(async () => {
      real = await openRealMongo(mongod);
      copy = join(real.root, 'copies');
      // Files laid out by database, as many installations have them: the proof must find that out.
      shard = await real.replicaSet({ name: 'shard0', role: 'shard', members: 3, credential: operator, options: ['--directoryperdb'] });
      config = await real.replicaSet({ name: 'configsvr', role: 'config', members: 1 });
      const members = shard.set.members.map(({ port }) => `127.0.0.1:${port}`).join(',');
      await config.withClient(await config.primary(), async (client) => {
        await client.db('admin').command({ _configsvrAddShard: `shard0/${members}`, ...majority });
        await client.db('admin').command({ _configsvrCreateDatabase: 'metadata', primaryShardId: 'shard0', ...majority });
      });
      await shard.withClient(await shard.primary(), async (client) => {
        const units = Array.from({ length: 3_000 }, (_, number): Document => ({
          number,
          title: `Unit ${number} — été`,
          nested: { a: [number, null] },
        }));
        await client
          .db('metadata')
          .collection('Unit')
          .insertMany(units, { writeConcern: { w: 3 } });
        await client.db('logbook').createCollection('Capped', { capped: true, size: 100_000 });
        await client
          .db('logbook')
          .collection('Capped')
          .insertOne({ event: 'STP_OP_SECURISATION' }, { writeConcern: { w: 3 } });
        await client.db('logbook').createCollection('Empty');
        await client.db('logbook').collection('Expiring').createIndex({ at: 1 }, { expireAfterSeconds: 0 });
        await client.db('logbook').createCollection('View', { viewOn: 'Capped', pipeline: [] });
      });
    });
    after(() => real?.close());

    test('of a shard: every stored collection by count and digest, none of `local` and of its own bookkeeping', async () => {
      const { collections, host, replicaSet } = await record(shard.set);
      assert.deepEqual([replicaSet, host], ['shard0', await shard.primary()]);
      assert.ok(collections.every(({ digest }) => /^[0-9a-f]{32}$/.test(digest)));
      const names = collections.map(({ database, collection, count }) => `${database}.${collection} ${count}`);
      for (const name of [
        'metadata.Unit 3000',
        'logbook.Capped 1',
        'logbook.Empty 0',
        'logbook.Expiring 0',
        'admin.system.users 0',
        'logbook.system.views 0',
      ])
        assert.ok(names.includes(name), `${name} in ${names.join(', ')}`);
      assert.ok(collections.every(({ database, collection }) => database !== 'local' && database !== 'config' && collection !== 'View'));
    });

    test('of a shard: the copy of the stopped primary is equal, for every kind of collection', async () => {
      // An expired document, which no member of the set expires: a proof that does would differ by that.
      await shard.withClient(await shard.primary(), async (client) => {
        await client
          .db('logbook')
          .collection('Expiring')
          .insertOne({ at: new Date(0) }, { writeConcern: { w: 3 } });
      });
      const { expected, directory } = await copyOfStopped(shard);
      const proof = await prove(expected, directory);
      assert.deepEqual(proof.differences, []);
      assert.equal(proof.collections, expected.collections.length);
      assert.ok(proof.documents >= 3_002);
      // Twice on the same files: the first proof left them as good as they were.
      assert.deepEqual((await prove(expected, directory)).differences, []);
    });

    test('of a shard: one changed document, one missing and one surplus collection are told', async () => {
      const { expected, directory } = await copyOfStopped(shard);
      await shard.withClient(await shard.primary(), async (client) => {
        // A shard's new primary writes only what it knows the routing of.
        for (const name of ['metadata.Unit', 'metadata.ObjectGroup', 'logbook.Empty'])
          await client.db('admin').command({ _flushRoutingTableCacheUpdates: name });
        await client
          .db('metadata')
          .collection('Unit')
          .updateOne({ number: 7 }, { $set: { title: 'changed' } });
        await client.db('metadata').collection('ObjectGroup').insertOne({ number: 1 });
        await client.db('logbook').collection('Empty').drop();
      });
      const later = await record(shard.set);
      const differences = (await prove(later, directory)).differences.map(({ collection, expected: one, found }) => [
        collection,
        one?.count,
        found?.count,
      ]);
      assert.deepEqual(
        new Map(differences.map(([collection, ...counts]) => [collection, counts])),
        new Map([
          ['Empty', [undefined, 0]],
          ['ObjectGroup', [1, undefined]],
          ['Unit', [3_000, 3_000]],
        ]),
      );
      assert.deepEqual((await prove(expected, directory)).differences, []);
    });

    test('of a shard: counts alone, where data is too large to hash', async () => {
      const { directory } = await copyOfStopped(shard);
      const counts = await record(shard.set, true);
      assert.ok(counts.collections.every(({ digest }) => digest === ''));
      assert.deepEqual((await prove(counts, directory)).differences, []);
      const fewer = counts.collections.map((each) => (each.collection === 'Unit' ? { ...each, count: 2_999 } : each));
      assert.equal((await prove({ ...counts, collections: fewer }, directory)).differences.length, 1);
    });

    test('of a config set: metadata of the cluster is recorded and equal in the copy', async () => {
      await runActivity(() =>
        mongo.stopBalancer({ cluster: { name: 'data', routers: [], config: config.set, shards: [] }, limitSeconds: 300 }),
      );
      const { expected, directory } = await copyOfStopped(config);
      const names = expected.collections.map(({ database, collection }) => `${database}.${collection}`);
      for (const name of ['config.shards', 'config.chunks', 'config.databases', 'config.settings', 'config.version'])
        assert.ok(names.includes(name), name);
      assert.deepEqual((await prove(expected, directory)).differences, []);
    });

    test('a proof does not read another mongod that holds its port', async () => {
      const { expected, directory } = await copyOfStopped(shard);
      const other = await otherMongod(join(copy, 'other'));
      try {
        const failed = await failureOf(
          'CommandFailed',
          runActivity(() =>
            mongo.checkRestoredData({ host: hostRef('proof'), dataDirectory: directory, mongod, port: other.port, expected }),
          ),
        );
        assert.match(failed.message, new RegExp(`port ${other.port}`));
        assert.ok(other.runs(), 'the other mongod was ended');
        // The same on its own directory: left behind by a worker that was killed, so it is ended and the proof is made.
        const own = { ...expected, collections: [] };
        const proof = await runActivity(() =>
          mongo.checkRestoredData({ host: hostRef('proof'), dataDirectory: join(copy, 'other'), mongod, port: other.port, expected: own }),
        );
        assert.ok(proof.collections > 0);
        assert.ok(!other.runs());
      } finally {
        await other.end();
      }
    });

    test('a proof that is cancelled ends its mongod', async () => {
      const { expected, directory } = await copyOfStopped(shard);
      const port = await freePort();
      const running = beginActivity(() =>
        mongo.checkRestoredData({ host: hostRef('proof'), dataDirectory: directory, mongod, port, expected }),
      );
      await waitUntil('its mongod runs', async () => (await mongodsOn(directory)) === 1);
      running.cancel();
      await assert.rejects(running.result, (error) => error instanceof CancelledFailure || (error as Error).name === 'AbortError');
      assert.equal(await mongodsOn(directory), 0);
    });

    test('a proof tells why mongod does not start', async () => {
      const empty = join(copy, 'no-such-directory');
      const failed = await failureOf('RestoreNotVerified', prove({ replicaSet: 'shard0', host: 'x', takenAt: '', collections: [] }, empty));
      assert.match(failed.message, /no-such-directory/);
    });

    test('a record that is cancelled ends its reading on the server and closes its forward', async () => {
      const primary = await shard.primary();
      // Holds back every dbHash: an exclusive lock cannot be had from outside, a stop in the middle of a scan can.
      await shard.withClient(primary, async (client) => {
        const admin = client.db('admin');
        const blob = Array.from({ length: 20_000 }, () => ({ text: 'x'.repeat(4_000) }));
        await client
          .db('metadata')
          .collection('Large')
          .insertMany(blob, { writeConcern: { w: 3 } });
        const reads = async (): Promise<number> =>
          (await admin.aggregate([{ $currentOp: { allUsers: true } }, { $match: { 'command.dbHash': 1 } }]).toArray()).length;
        // A reading may be over before it is seen: only one that was met in its middle proves anything.
        for (let runs = 0, met = false; !met; runs += 1) {
          assert.ok(runs < 20, 'twenty readings were over before they could be seen');
          const running = beginActivity(() => mongo.recordContent({ set: shard.set }));
          let over = false;
          const end = running.result.then(
            () => (over = true),
            () => (over = true),
          );
          while (!over && !met) met = (await reads()) > 0;
          if (!met) continue;
          running.cancel();
          await end;
          met = await running.result.then(
            () => false,
            (error: unknown) => error instanceof CancelledFailure,
          );
        }
        await waitUntil('the reading has ended on the server', async () => (await reads()) === 0);
      });
    });
  },
);

async function mongodsOn(directory: string): Promise<number> {
  const { stdout } = await execa('pgrep', ['-c', '-f', '--', `--dbpath ${directory} `], { reject: false });
  return Number(stdout);
}

/** A mongod of somebody else, on a port of its own. */
async function otherMongod(directory: string): Promise<{ port: number; runs: () => boolean; end: () => Promise<void> }> {
  await mkdir(directory);
  const port = await freePort();
  const child = spawn(
    mongod,
    ['--dbpath', directory, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket', '--wiredTigerCacheSizeGB', '0.25'],
    { stdio: 'ignore' },
  );
  const exit = once(child, 'exit');
  await waitUntil('the other mongod listens', () => isTaken(port), patienceMs);
  return {
    port,
    runs: () => child.exitCode === null && child.signalCode === null,
    end: async () => {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

async function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    // Asked, not tried out: a listener of our own could be in its way.
    const socket = connect(port, '127.0.0.1')
      .once('error', () => resolve(false))
      .once('connect', () => resolve(true))
      .once('connect', () => socket.destroy());
  });
}
