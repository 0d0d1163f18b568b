import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { MongoClient, type Document } from 'mongodb';
import { parse } from 'yaml';

import { createLab } from '../../deploy/lab/vitam/createLab.ts';
import type { Lab } from '../../deploy/lab/vitam/lab.contract.ts';
import type { LabMachine } from '../../deploy/lab/machines/machines.contract.ts';
import { hashedKeyOf } from '../../deploy/lab/mongo/hashedKey.ts';
import { orderDocument, platformDocument, withHostDefaults } from '../../workflows/vitam/platform.schema.ts';
import { waitUntil } from '../support/waitUntil.ts';
import { labDirectory } from './labDirectory.ts';

describe('the small lab, from nothing', () => {
  const place = labDirectory();
  const lines: string[] = [];
  let lab: Lab;
  let machines: LabMachine[];
  const clients: MongoClient[] = [];

  function open(machine: string, port: number, user: 'admin' | 'localadmin' | null): MongoClient {
    const address = machines.find(({ name }) => name === machine)?.address ?? '';
    const client = new MongoClient(`mongodb://${address}:${port}/?directConnection=true`, {
      ...(user
        ? {
            auth: { username: `vitamdb-${user}`, password: readFileSync(join(lab.secretsDirectory, `lab-mongo-${user}`), 'utf8') },
            authSource: 'admin',
          }
        : {}),
      serverSelectionTimeoutMS: 60_000,
    });
    clients.push(client);
    return client;
  }

  before(async () => {
    lab = await createLab({ directory: place.directory, shape: 'small', megabytesPerShard: 5 });
    machines = await lab.up((line) => lines.push(line));
  });
  after(async () => {
    for (const client of clients) await client.close();
    await lab?.down();
    place.remove();
  });

  test('runs every unit and tells the time of every part', async () => {
    const services = await lab.services();
    assert.deepEqual(
      services.filter(({ running }) => !running),
      [],
    );
    assert.ok(services.length >= 20);
    assert.ok(lines.some((line) => /^lab: up after/.test(line)));
  });

  test('writes a platform file of the right shape, and secrets that only the owner reads', () => {
    const document = platformDocument.parse(withHostDefaults(parse(readFileSync(lab.platformFile, 'utf8'))));
    const order = orderDocument.parse(parse(readFileSync(new URL('../../deploy/definitions/orders/seed.yaml', import.meta.url), 'utf8')));
    assert.deepEqual(
      [...order.fronts, ...order.workers, ...order.backEnds, ...order.search].sort(),
      Object.keys(document.components).sort(),
    );
    const names = [
      ...Object.values(document.hosts).map(({ reach }) => (reach === 'local' ? '' : reach.ssh.privateKey)),
      'lab-mongo-admin',
      'lab-mongo-localadmin',
    ];
    for (const name of new Set(names)) assert.equal(statSync(join(lab.secretsDirectory, name)).mode & 0o777, 0o600);
    assert.doesNotMatch(readFileSync(lab.platformFile, 'utf8'), /PRIVATE KEY/);
  });

  test('asks for a password', async () => {
    await assert.rejects(open('mongo-1', 27019, null).db('metadata').collection('Unit').countDocuments(), /requires authentication/);
  });

  test('has chunks of every sharded collection on both shards, each document on the shard that owns it', async () => {
    const config = open('mongo-1', 27018, 'localadmin').db('config');
    const shards = { shard0: open('mongo-1', 27019, 'localadmin'), shard1: open('mongo-2', 27019, 'localadmin') };
    const described = await config.collection<Document & { _id: string }>('collections').find().toArray();
    for (const namespace of ['metadata.Unit', 'metadata.ObjectGroup', 'logbook.LogbookOperation', 'logbook.LogbookLifeCycleUnit']) {
      const [database = '', collection = ''] = namespace.split('.');
      const { uuid, key } = described.find(({ _id }) => _id === namespace) ?? ({} as Document);
      const chunks = await config
        .collection('chunks')
        .find({ uuid: uuid as unknown }, { useBigInt64: true })
        .sort({ min: 1 })
        .toArray();
      assert.deepEqual(new Set(chunks.map(({ shard }) => String(shard))), new Set(['shard0', 'shard1']), namespace);
      const hashed = (key as Document)._id === 'hashed';
      for (const [shard, client] of Object.entries(shards)) {
        const ids = (
          await client.db(database).collection<{ _id: string }>(collection).find().project<{ _id: string }>({ _id: 1 }).toArray()
        ).map(({ _id }) => _id);
        assert.ok(ids.length > 0, `${namespace} on ${shard}`);
        for (const id of ids) {
          const value = hashed ? hashedKeyOf(id) : id;
          const owner = chunks.findLast(({ min }) => {
            const bound = (min as { _id: bigint | string | object })._id;
            return typeof bound === 'object' || bound <= value;
          });
          assert.equal(owner?.shard, shard, `${namespace} ${id}`);
        }
      }
    }
  });

  test('hashes keys as the server does', async () => {
    const client = open('mongo-1', 27019, 'localadmin');
    const units = client.db('metadata').collection<{ _id: string }>('Unit');
    const documents = await units.find().limit(20).toArray();
    for (const { _id } of documents) {
      const found = await units.find({ _id }, { useBigInt64: true }).hint({ _id: 'hashed' }).returnKey(true).toArray();
      assert.equal((found[0] as unknown as { _id: bigint })._id, hashedKeyOf(_id));
    }
  });

  test('has a balancer that runs and has moved something by itself', async () => {
    const admin = open('mongo-1', 27018, 'admin');
    const status = await admin.db('admin').command({ _configsvrBalancerStatus: 1 });
    assert.equal(status.mode, 'full');
    const migrations = await admin
      .db('config')
      .collection('changelog')
      .countDocuments({ what: 'moveChunk.commit', ns: 'logbook.LogbookLifeCycleUnit' });
    assert.ok(migrations > 0);
    const rounds = (): Promise<number> =>
      admin
        .db('config')
        .collection('actionlog')
        .countDocuments({ what: 'balancer.round', 'details.chunksMoved': { $gt: 0 } });
    // A round is written down at its end.
    await waitUntil('a round of the balancer has moved something', async () => (await rounds()) > 0);
  });

  test('lets the local administrator hash every database of every member', async () => {
    for (const [machine, port] of [
      ['mongo-1', 27018],
      ['mongo-1', 27019],
      ['mongo-2', 27019],
    ] as const) {
      const client = open(machine, port, 'localadmin');
      await client.db('admin').command({ replSetGetStatus: 1 });
      const { databases } = (await client.db('admin').command({ listDatabases: 1 })) as unknown as { databases: { name: string }[] };
      for (const { name } of databases) assert.equal((await client.db(name).command({ dbHash: 1 })).ok, 1, `${machine}:${port} ${name}`);
    }
  });

  test('is left as it is by a second up, which waits for nothing, a stopped balancer included', async () => {
    const admin = open('mongo-1', 27018, 'admin').db('admin');
    await admin.command({ _configsvrBalancerStop: 1 });
    const said: string[] = [];
    await lab.up((line) => said.push(line));
    for (const what of [/^mongod: \d+ run, 0 of them started now/, /^components \(stand-ins\): \d+ run, 0 of them started now/])
      assert.ok(
        said.some((line) => what.test(line)),
        said.join('\n'),
      );
    assert.ok(!said.some((line) => line.includes('migrations')), 'it waited for the balancer');
    assert.equal((await admin.command({ _configsvrBalancerStatus: 1 })).mode, 'off');
    await admin.command({ _configsvrBalancerStart: 1 });
  });

  test('comes back with its data after a power loss', async () => {
    const before_ = await open('mongo-2', 27019, 'localadmin').db('metadata').collection('Unit').countDocuments();
    await lab.powerOff('mongo-2');
    assert.deepEqual(
      (await lab.services()).filter(({ running }) => !running).map(({ machine }) => machine),
      ['mongo-2'],
    );
    await lab.powerOn('mongo-2');
    await lab.up();
    assert.equal(await open('mongo-2', 27019, 'localadmin').db('metadata').collection('Unit').countDocuments(), before_);
  });

  test('takes another workflow for processing', async () => {
    await lab.addOperation({ tenant: 5, state: 'PAUSE', status: 'FATAL' });
    const address = machines.find(({ name }) => name === 'back-1')?.address ?? '';
    const answer = await fetch(`http://${address}:8203/processing/v1/operations?states=PAUSE`, { headers: { 'x-tenant-id': '5' } });
    const { $hits } = (await answer.json()) as { $hits: { total: number } };
    assert.equal($hits.total, 1);
  });

  test('refuses another shape in the same directory, and faults of components that a machine does not carry', async () => {
    await assert.rejects(createLab({ directory: place.directory, shape: 'full' }), /made with shape small/);
    await assert.rejects(lab.setKnobs('front-1', 'worker', { refuseStop: true }), /it carries ingest-external/);
    assert.deepEqual(await lab.setKnobs('front-1', 'ingest-external', { refuseStop: true, startSeconds: 2 }), {
      refuseStop: true,
      startSeconds: 2,
    });
    assert.deepEqual(await lab.setKnobs('front-1', 'ingest-external', { refuseStop: null, startSeconds: null }), {});
  });
});
