import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import type { ReplicaSet } from '../../../activities/mongo/mongo.contract.ts';
import { runActivity } from '../../support/runActivity.ts';
import { findMongod, freePort, hostRef, openRealMongo, operator, type RealMongo, type RealReplicaSet } from './realMongod.ts';
import { failureOf, mongo } from './testActivities.ts';

const { mongod, missing } = await findMongod();

describe('a replica set of three with authentication', { skip: missing, timeout: 240_000 }, () => {
  let real: RealMongo;
  let shard: RealReplicaSet;
  let set: ReplicaSet;
  const check = (changed: ReplicaSet = set) => runActivity(() => mongo.checkReplicaSet({ set: changed }));
  const findPrimary = (changed: ReplicaSet = set) => runActivity(() => mongo.findPrimary({ set: changed }));
  const waitForAll = () => runActivity(() => mongo.waitForReplicaSet({ set, limitSeconds: 60 }));

  const stepDown = (hostName: string) =>
    shard.withClient(hostName, (client) => client.db('admin').command({ replSetStepDown: 5, secondaryCatchUpPeriodSecs: 4 }));

  before(async () => {
    real = await openRealMongo(mongod ?? '');
    shard = await real.replicaSet({ name: 'shard0', role: 'shard', members: 3, credential: operator });
    set = shard.set;
  });
  after(() => real?.close());
  // Each test finds a whole set, whatever became of the one before.
  beforeEach(async () => {
    for (const { host } of set.members) if (shard.processId(host.name) === undefined) await shard.start(host.name);
    await waitForAll();
  });

  test('is healthy: one primary, two secondaries, no fault', async () => {
    const health = await check();
    assert.deepEqual(health.faults, []);
    assert.deepEqual(health.members.map(({ state }) => state).sort(), ['PRIMARY', 'SECONDARY', 'SECONDARY']);
    assert.ok(health.members.every(({ term, lagSeconds }) => term >= 1 && lagSeconds < 60));
  });

  test('has its primary found among the members of the platform file', async () => {
    const seen = await findPrimary();
    assert.equal(seen.host, await shard.primary());
    assert.equal(seen.port, shard.member(seen.host).port);
    assert.equal(
      seen.memberId,
      set.members.findIndex(({ host }) => host.name === seen.host),
    );
  });

  test('tells a set name that differs, and a member that the platform file does not name', async () => {
    const renamed = await check({ ...set, name: 'shard9' });
    assert.match(renamed.faults.join('\n'), /"shard0"/);
    const { members } = await check();
    const fewer = await check({
      ...set,
      members: set.members.filter(({ port }) => members.find((each) => each.port === port)?.state === 'PRIMARY'),
    });
    assert.match(fewer.faults.join('\n'), /configuration has 3 members/);
  });

  test('tells a member that does not answer, within seconds', async () => {
    const absent = { ...set.members[0]!, host: hostRef('shard0-9'), port: await freePort() };
    const beganMs = performance.now();
    const health = await check({ ...set, members: [...set.members, absent] });
    assert.match(health.faults.join('\n'), /shard0-9.*refuses/);
    assert.equal(health.members[3]?.state, 'UNREACHABLE');
    assert.ok(performance.now() - beganMs < 4_000);
  });

  test('refuses a wrong password by the name of the secret', async () => {
    const failed = await failureOf('CredentialsRejected', findPrimary({ ...set, credential: { ...operator, password: 'wrong' } }));
    assert.match(failed.message, /"wrong"/);
  });

  test('confirms the stop of its primary, and is waited for until it is whole again', async () => {
    const stopped = await findPrimary();
    await shard.stop(stopped.host);
    const { newPrimary } = await runActivity(() => mongo.confirmPrimaryStopped({ set, stopped }));
    assert.ok(newPrimary);
    assert.notEqual(newPrimary.host, stopped.host);
    assert.equal(newPrimary.term, stopped.term + 1);
    await failureOf(
      'MongoNoPrimary',
      runActivity(() => mongo.waitForReplicaSet({ set, limitSeconds: 1 })),
    );
    await shard.start(stopped.host);
    assert.deepEqual((await waitForAll()).faults, []);
  });

  test('tells that other primaries were elected between detection and stop', async () => {
    const stopped = await findPrimary();
    await stepDown(stopped.host);
    await stepDown(await shard.primary());
    await shard.primary();
    await shard.stop(stopped.host);
    const failed = await failureOf(
      'PrimaryChanged',
      runActivity(() => mongo.confirmPrimaryStopped({ set, stopped })),
    );
    assert.match(failed.message, new RegExp(`of term ${stopped.term};`));
  });

  test('does not take a killed member for a stopped one', async () => {
    const stopped = await findPrimary();
    await shard.stop(stopped.host, 'SIGKILL');
    await failureOf(
      'MongoNotStoppedCleanly',
      runActivity(() => mongo.confirmPrimaryStopped({ set, stopped })),
    );
  });

  test('is not held up by a frozen member', async () => {
    const primary = await findPrimary();
    const frozen = set.members.find(({ host }) => host.name !== primary.host)?.host.name ?? '';
    const processId = shard.processId(frozen);
    assert.ok(processId);
    process.kill(processId, 'SIGSTOP');
    try {
      const beganMs = performance.now();
      const health = await check();
      assert.equal(health.members.find(({ host }) => host === frozen)?.state, 'UNREACHABLE');
      assert.ok(performance.now() - beganMs < 20_000);
      assert.equal((await findPrimary()).host, primary.host);
    } finally {
      process.kill(processId, 'SIGCONT');
    }
  });

  test('without a majority has no primary', async () => {
    const primary = await findPrimary();
    const others = set.members.map(({ host }) => host.name).filter((name) => name !== primary.host);
    await Promise.all(others.map((name) => shard.stop(name, 'SIGKILL')));
    // The primary steps down once it has not heard of a majority for the election time-out of 2 s.
    let health = await check();
    for (let tries = 0; tries < 50 && health.members.some(({ state }) => state === 'PRIMARY'); tries += 1) {
      await pause(200);
      health = await check();
    }
    assert.match(health.faults.join('\n'), /no primary/);
    await failureOf('MongoNoPrimary', findPrimary());
  });
});
