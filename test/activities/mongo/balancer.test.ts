import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';

import { freePort } from '../../../deploy/lab/freePort.ts';
import type { MongoCluster, MongoRouter } from '../../../activities/mongo/mongo.contract.ts';
import { beginActivity, runActivity } from '../../support/runActivity.ts';
import { startMongosStandIn, type MongosStandIn } from './mongosStandIn.ts';
import { findMongod, hostRef, openRealMongo, operator, systemUser, type RealMongo, type RealReplicaSet } from './realMongod.ts';
import { failureOf, mongo } from './testActivities.ts';

const { mongod, missing } = await findMongod();

const read = (cluster: MongoCluster) => runActivity(() => mongo.readBalancer({ cluster }));
const stop = (cluster: MongoCluster, limitSeconds = 300) => runActivity(() => mongo.stopBalancer({ cluster, limitSeconds }));
const restore = (cluster: MongoCluster, mode: 'full' | 'off') => runActivity(() => mongo.restoreBalancer({ cluster, mode }));
const router = (name: string, port: number): MongoRouter => ({ host: hostRef(name), address: '127.0.0.1', port, unit: 'vitam-mongos' });

describe('the balancer on the primary of a config set of three', { skip: missing, timeout: 1_100_000 }, () => {
  let real: RealMongo;
  let config: RealReplicaSet;
  let cluster: MongoCluster;

  before(async () => {
    real = await openRealMongo(mongod ?? '');
    config = await real.replicaSet({ name: 'configsvr', role: 'config', members: 3 });
    cluster = { name: 'data', routers: [], config: config.set, shards: [], adminCredential: systemUser };
    await runActivity(() => mongo.waitForReplicaSet({ set: config.set, limitSeconds: 300 }));
  });
  after(() => real?.close());

  test('is read, stopped twice alike, and put back into either mode', async () => {
    assert.equal((await read(cluster)).mode, 'full');
    const primary = await config.primary();
    for (const state of [await stop(cluster), await stop(cluster), await read(cluster)])
      assert.deepEqual(state, { mode: 'off', inRound: false, through: `config primary ${primary}:${config.member(primary).port}` });
    assert.equal((await restore(cluster, 'off')).mode, 'off');
    assert.equal((await restore(cluster, 'full')).mode, 'full');
    assert.equal((await read(cluster)).mode, 'full');
  });

  test('is not idle while a migration stands in the config set', async () => {
    const primary = await config.primary();
    const migration = { ns: 'metadata.Unit', fromShard: 'shard0', toShard: 'shard1' };
    await config.withClient(primary, (client) =>
      client
        .db('config')
        .collection('migrations')
        .insertOne({ ...migration }),
    );
    const waiting = beginActivity(() => mongo.stopBalancer({ cluster, limitSeconds: 2 }));
    const failed = await failureOf('BalancerNotIdle', waiting.result);
    assert.match(failed.message, /migration/);
    assert.ok(waiting.heartbeats.length > 0);
    await config.withClient(primary, (client) => client.db('config').collection('migrations').deleteMany(migration));
    assert.equal((await stop(cluster)).mode, 'off');
  });

  test('is put back while the config set has just lost its primary', async () => {
    await stop(cluster);
    const lost = await config.primary();
    await config.stop(lost, 'SIGKILL');
    assert.equal((await restore(cluster, 'full')).mode, 'full');
    await config.start(lost);
    await runActivity(() => mongo.waitForReplicaSet({ set: config.set, limitSeconds: 300 }));
    assert.equal((await read(cluster)).mode, 'full');
  });

  test('refuses a user without the right to give it orders', async () => {
    const failed = await failureOf('CredentialsRejected', stop({ ...cluster, adminCredential: operator }));
    assert.match(failed.message, /operator/);
  });

  test('is reached when no mongos answers', async () => {
    const state = await read({ ...cluster, routers: [router('mongos-1', await freePort())] });
    assert.match(state.through, /^config primary/);
  });
});

describe('the balancer through a mongos (a stand-in for mongos)', { timeout: 1_100_000 }, () => {
  let mongos: MongosStandIn;
  let cluster: MongoCluster;
  before(async () => {
    mongos = await startMongosStandIn();
    const config = { name: 'configsvr', role: 'config' as const, members: [] };
    cluster = { name: 'data', routers: [router('mongos-1', await freePort()), router('mongos-2', mongos.port)], config, shards: [] };
  });
  after(() => mongos?.close());
  afterEach(() => {
    mongos.commands.length = 0;
    mongos.stubborn = false;
  });

  test('is asked by the public commands, of the first mongos that answers', async () => {
    assert.deepEqual(await read(cluster), { mode: 'full', inRound: false, through: `mongos mongos-2:${mongos.port}` });
    assert.deepEqual(mongos.commands, ['balancerStatus']);
  });

  test('is waited for until its round has ended', async () => {
    mongos.roundsLeft = 2;
    assert.deepEqual(await stop(cluster), { mode: 'off', inRound: false, through: `mongos mongos-2:${mongos.port}` });
    assert.deepEqual(mongos.commands, ['balancerStop', 'balancerStatus', 'balancerStatus', 'balancerStatus']);
  });

  test('fails when a round does not end in time', async () => {
    mongos.roundsLeft = 100;
    const failed = await failureOf('BalancerNotIdle', stop(cluster, 1));
    assert.match(failed.message, /round/);
    mongos.roundsLeft = 0;
  });

  test('fails when the mode reads otherwise than it was set', async () => {
    assert.equal((await restore(cluster, 'full')).mode, 'full');
    mongos.stubborn = true;
    await failureOf('BalancerNotRestored', restore(cluster, 'off'));
  });
});
