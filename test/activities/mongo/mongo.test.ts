import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cp, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';

import { ApplicationFailure } from '@temporalio/common';

import { freePort } from '../../../deploy/lab/freePort.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import type { MongoCluster, SeenPrimary } from '../../../activities/mongo/mongo.contract.ts';
import { createMongoActivities } from '../../../activities/mongo/mongoActivities.ts';
import { tool } from '../../../deploy/setup/tools.ts';
import { activityRunner } from '../../support/runActivity.ts';
import { keyText, startMongodSet, type MongodSet } from '../../support/mongodProcesses.ts';

const hosts = createHosts({ resolveSecret: async (name) => (name === 'key' ? keyText : 'wrong') });
const mongo = createMongoActivities({
  openHost: hosts.openHost,
  resolveSecret: async (name) => (name === 'key' ? keyText : 'wrong'),
  now: () => new Date(),
});

const run = activityRunner(mongo);

async function failureOf(work: Promise<unknown>): Promise<ApplicationFailure> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ApplicationFailure, `no failure but ${String(error)}`);
  return error;
}

after(() => hosts.close());

describe('a real replica set of three', () => {
  let shard: MongodSet;
  before(async () => {
    shard = await startMongodSet('shard0', 'shard', 3);
    const primary = await run('findPrimary', { set: shard.set });
    const client = await shard.client(primary.host);
    const documents = Array.from({ length: 2_000 }, (_, index) => ({ _id: index as unknown as never, text: `unit ${index}`.repeat(5) }));
    await client
      .db('metadata')
      .collection('Unit')
      .insertMany(documents, { writeConcern: { w: 3 } });
    await client
      .db('masterdata')
      .collection('Agencies')
      .insertOne({ name: 'BnF' }, { writeConcern: { w: 3 } });
    await client.close();
  });
  after(() => shard.end());

  test('is healthy, has one primary; a wrong password is told with the name of the secret', async () => {
    const health = await run('checkReplicaSet', { set: shard.set });
    assert.deepEqual(health.faults, []);
    assert.equal(health.members.filter(({ state }) => state === 'PRIMARY').length, 1);
    const failed = await failureOf(
      run('findPrimary', { set: { ...shard.set, credential: { username: '__system', password: 'other', authSource: 'local' } } }),
    );
    assert.equal(failed.type, 'CredentialsRejected');
    assert.match(failed.message, /"other"/);
    assert.ok(!failed.message.includes(keyText) && !failed.message.includes('wrong'));
  });

  test('the primary is stopped, proven to have been it, and the set is waited back; its copy holds what was recorded', async () => {
    const content = await run('recordContent', { set: shard.set });
    assert.deepEqual(
      content.collections
        .filter(({ database }) => database !== 'admin')
        .map(({ database, collection, count }) => [database, collection, count]),
      [
        ['masterdata', 'Agencies', 1],
        ['metadata', 'Unit', 2_000],
      ],
    );
    assert.deepEqual(
      (await run('recordContent', { set: shard.set })).collections,
      content.collections,
      'two records of a quiet set differ',
    );
    const stopped = await run('findPrimary', { set: shard.set });
    await shard.stop(stopped.host);
    const { newPrimary } = await run('confirmPrimaryStopped', { set: shard.set, stopped });
    assert.ok(newPrimary && newPrimary.host !== stopped.host && newPrimary.term > stopped.term);
    assert.match((await run('checkReplicaSet', { set: shard.set })).faults.join(), /does not answer/);

    const copy = join(shard.directory, 'copy');
    const source = shard.set.members.find(({ host }) => host.name === stopped.host);
    assert.ok(source);
    await cp(source.dataDirectory, copy, { recursive: true });
    const proof = { host: source.host, dataDirectory: copy, mongod: await tool('mongod'), port: await freePort(), expected: content };
    const proven = await run('checkRestoredData', proof);
    assert.deepEqual(proven.differences, []);
    assert.equal(proven.collections, content.collections.length);

    const other = {
      ...content,
      collections: content.collections.map((each) => (each.collection === 'Unit' ? { ...each, digest: 'x' } : each)),
    };
    const disproven = await run('checkRestoredData', { ...proof, expected: other });
    assert.deepEqual(
      disproven.differences.map(({ collection }) => collection),
      ['Unit'],
    );

    await shard.start(stopped.host);
    assert.deepEqual((await run('waitForReplicaSet', { set: shard.set, limitSeconds: 300 })).faults, []);
  });

  test('counts alone are recorded and compared when digests would take too long', async () => {
    const content = await run('recordContent', { set: shard.set, countsOnly: true });
    assert.ok(content.collections.every(({ digest }) => digest === ''));
    assert.ok(content.collections.some(({ collection, count }) => collection === 'Unit' && count === 2_000));
  });

  test('a member that was not the primary to the end is told', async () => {
    const seen = await run('findPrimary', { set: shard.set });
    const other = shard.set.members.find(({ host }) => host.name !== seen.host);
    assert.ok(other);
    const pretended: SeenPrimary = { ...seen, host: other.host.name, port: other.port, memberId: 9 };
    await shard.stop(other.host.name);
    assert.equal((await failureOf(run('confirmPrimaryStopped', { set: shard.set, stopped: pretended }))).type, 'PrimaryChanged');
    await shard.start(other.host.name);
    await run('waitForReplicaSet', { set: shard.set, limitSeconds: 300 });
  });

  test('a killed mongod is not taken for a clean stop', async () => {
    const stopped = await run('findPrimary', { set: shard.set });
    await shard.stop(stopped.host, 'SIGKILL');
    assert.equal((await failureOf(run('confirmPrimaryStopped', { set: shard.set, stopped }))).type, 'MongoNotStoppedCleanly');
    await shard.start(stopped.host);
    await run('waitForReplicaSet', { set: shard.set, limitSeconds: 300 });
  });

  test('without a majority there is no primary, and the wait for one ends at its limit', async () => {
    const primary = await run('findPrimary', { set: shard.set });
    const first = shard.set.members.find(({ host }) => host.name === primary.host);
    const second = shard.set.members.find(({ host }) => host.name !== primary.host);
    assert.ok(first && second);
    // Killed: one that is stopped hands its role over, and the third would hold it for a while.
    await Promise.all([shard.stop(first.host.name, 'SIGKILL'), shard.stop(second.host.name, 'SIGKILL')]);
    assert.equal((await failureOf(run('findPrimary', { set: shard.set }))).type, 'MongoNoPrimary');
    assert.equal((await failureOf(run('waitForReplicaSet', { set: shard.set, limitSeconds: 1 }))).type, 'MongoNoPrimary');
    await Promise.all([shard.start(first.host.name), shard.start(second.host.name)]);
    await run('waitForReplicaSet', { set: shard.set, limitSeconds: 300 });
  });

  test('unpacked files that are no database are told, and nothing is left running', async () => {
    const [member] = shard.set.members;
    assert.ok(member);
    const content = await run('recordContent', { set: shard.set });
    const broken = join(shard.directory, 'broken');
    await cp(join(shard.directory, 'copy'), broken, { recursive: true });
    await truncate(join(broken, 'WiredTiger.turtle'), 0);
    const failed = await failureOf(
      run('checkRestoredData', {
        host: member.host,
        dataDirectory: broken,
        mongod: await tool('mongod'),
        port: await freePort(),
        expected: content,
      }),
    );
    assert.equal(failed.type, 'RestoreNotVerified');
    await rm(broken, { recursive: true });
  });
});

describe('a real config server', () => {
  let config: MongodSet;
  let cluster: MongoCluster;
  before(async () => {
    config = await startMongodSet('configsvr', 'config', 1);
    cluster = { name: 'data', routers: [], config: config.set, shards: [] };
  });
  after(() => config.end());

  test('its balancer is stopped, found idle, and put back to either mode, through the config primary', async () => {
    assert.equal((await run('readBalancer', { cluster })).mode, 'full');
    const off = await run('stopBalancer', { cluster, limitSeconds: 300 });
    assert.deepEqual([off.mode, off.inRound], ['off', false]);
    assert.match(off.through, /config primary/);
    assert.equal((await run('restoreBalancer', { cluster, mode: 'off' })).mode, 'off');
    assert.equal((await run('restoreBalancer', { cluster, mode: 'full' })).mode, 'full');
    assert.equal((await run('readBalancer', { cluster })).mode, 'full');
  });

  test('a mongos that does not answer is passed over', async () => {
    const [member] = config.set.members;
    assert.ok(member);
    const state = await run('readBalancer', {
      cluster: { ...cluster, routers: [{ host: member.host, address: '127.0.0.1', port: await freePort(), unit: 'vitam-mongos' }] },
    });
    assert.match(state.through, /config primary/);
  });

  test('its own content is recorded and found in a copy', async () => {
    await run('stopBalancer', { cluster, limitSeconds: 300 });
    const content = await run('recordContent', { set: config.set });
    assert.ok(
      content.collections.some(({ database, collection }) => database === 'config' && collection === 'settings'),
      JSON.stringify(content.collections),
    );
    const stopped = await run('findPrimary', { set: config.set });
    await config.stop(stopped.host);
    assert.deepEqual(await run('confirmPrimaryStopped', { set: config.set, stopped }), { newPrimary: null });
    const [member] = config.set.members;
    assert.ok(member);
    const proven = await run('checkRestoredData', {
      host: member.host,
      dataDirectory: member.dataDirectory,
      mongod: await tool('mongod'),
      port: await freePort(),
      expected: content,
    });
    assert.deepEqual(proven.differences, []);
    await config.start(stopped.host);
  });
});
