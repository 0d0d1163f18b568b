import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';

import type { MongoClient } from 'mongodb';

import { freePort } from '../../../deploy/lab/freePort.ts';
import type { ReplicaSet } from '../../../activities/mongo/mongo.contract.ts';
import { runActivity } from '../../support/runActivity.ts';
import { findMongod, hostRef, openRealMongo, operator, patienceMs, type RealMongo, type RealReplicaSet } from './realMongod.ts';
import { failureOf, mongo } from './testActivities.ts';
import { waitUntil } from '../../support/waitUntil.ts';

const { mongod, missing } = await findMongod();

describe('a replica set of three with authentication', { skip: missing, timeout: 1_100_000 }, () => {
  let real: RealMongo;
  let shard: RealReplicaSet;
  let set: ReplicaSet;
  const check = (changed: ReplicaSet = set) => runActivity(() => mongo.checkReplicaSet({ set: changed }));
  const findPrimary = (changed: ReplicaSet = set) => runActivity(() => mongo.findPrimary({ set: changed }));
  const waitForAll = () => runActivity(() => mongo.waitForReplicaSet({ set, limitSeconds: 300 }));

  /** Has a member elected, by an election that all others know to follow the present primary. */
  const elect = async (hostName: string, after: string) => {
    const { port } = shard.member(after);
    const follows = async (client: MongoClient): Promise<boolean> => {
      const { members } = await client.db('admin').command({ replSetGetStatus: 1 });
      const seen = (members as { name: string; stateStr: string }[]).filter(({ stateStr }) => stateStr === 'PRIMARY');
      return seen.length === 1 && seen[0]?.name === `127.0.0.1:${port}`;
    };
    await shard.withClient(hostName, async (client) => {
      await waitUntil(`${hostName} knows ${after} as primary`, () => follows(client), patienceMs);
      // Refused while it has not all that the primary wrote.
      const standForElection = () => client.db('admin').command({ replSetStepUp: 1, skipDryRun: true });
      await waitUntil(
        `${hostName} is elected`,
        () =>
          standForElection().then(
            () => true,
            () => false,
          ),
        patienceMs,
      );
      await waitUntil(`${hostName} takes writes`, async () => (await shard.primary()) === hostName, patienceMs);
    });
  };

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

  test('tells a member that does not answer', async () => {
    const absent = { ...set.members[0]!, host: hostRef('shard0-9'), port: await freePort() };
    const health = await check({ ...set, members: [...set.members, absent] });
    assert.match(health.faults.join('\n'), /shard0-9.*refuses/);
    assert.equal(health.members[3]?.state, 'UNREACHABLE');
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
    // One that stood for election in vain raises the term too.
    assert.ok(newPrimary.term > stopped.term);
    await failureOf(
      'MongoNoPrimary',
      runActivity(() => mongo.waitForReplicaSet({ set, limitSeconds: 1 })),
    );
    await shard.start(stopped.host);
    assert.deepEqual((await waitForAll()).faults, []);
  });

  test('tells that other primaries were elected between detection and stop', async () => {
    const stopped = await findPrimary();
    const [one = '', other = ''] = set.members.map(({ host }) => host.name).filter((name) => name !== stopped.host);
    await elect(one, stopped.host);
    await elect(other, one);
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
      // It is given up after 15 s; without a limit nothing here would ever end.
      const health = await check();
      assert.equal(health.members.find(({ host }) => host === frozen)?.state, 'UNREACHABLE');
      assert.equal((await findPrimary()).host, primary.host);
    } finally {
      process.kill(processId, 'SIGCONT');
    }
  });

  test('without a majority has no primary', async () => {
    const primary = await findPrimary();
    const others = set.members.map(({ host }) => host.name).filter((name) => name !== primary.host);
    await Promise.all(others.map((name) => shard.stop(name, 'SIGKILL')));
    // The primary steps down once it has not heard of a majority for the election time-out.
    let health = await check();
    const hasPrimary = (): boolean => health.members.some(({ state }) => state === 'PRIMARY');
    await waitUntil('there is no primary', async () => !hasPrimary() || ((health = await check()), !hasPrimary()), patienceMs);
    assert.match(health.faults.join('\n'), /no primary/);
    await failureOf('MongoNoPrimary', findPrimary());
  });
});
