import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { MongoClient } from 'mongodb';

import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import type { MongoMember, ReplicaSet } from '../../activities/mongo/mongo.contract.ts';
import { freePort } from '../../deploy/lab/freePort.ts';
import { tool } from '../../deploy/setup/tools.ts';

/** With 100 ms between two. */
const triesMax = 1_800;

export const keyText = Buffer.from('nightshift test key, not a secret'.repeat(4)).toString('base64').replaceAll('=', 'A');

/** Real mongods of one replica set on loopback, with key file authentication; every member counts as a host of its own, reached locally. */
export interface MongodSet {
  set: ReplicaSet;
  directory: string;
  /** Ends one member and waits for its exit. */
  stop: (host: string, signal?: NodeJS.Signals) => Promise<void>;
  start: (host: string) => Promise<void>;
  client: (host: string) => Promise<MongoClient>;
  end: () => Promise<void>;
}

export async function startMongodSet(name: string, role: ReplicaSet['role'], size: number): Promise<MongodSet> {
  const mongod = await tool('mongod');
  const directory = await mkdtemp(join(tmpdir(), 'nightshift-mongod-'));
  const keyFile = join(directory, 'key');
  await writeFile(keyFile, keyText);
  await chmod(keyFile, 0o600);
  const running = new Map<string, ChildProcess>();
  const members: MongoMember[] = [];
  for (let index = 0; index < size; index++) {
    const host: HostRef = {
      name: `${name}-${index}`,
      address: '127.0.0.1',
      reach: { kind: 'local' },
      serviceManager: { kind: 'systemd', sudo: false },
      stateDirectory: directory,
    };
    members.push({
      host,
      address: '127.0.0.1',
      port: await freePort(),
      unit: 'vitam-mongod',
      dataDirectory: join(directory, `data-${index}`),
    });
  }
  const set: ReplicaSet = { name, role, members, credential: { username: '__system', password: 'key', authSource: 'local' } };
  const memberOf = (host: string): MongoMember => {
    const found = members.find((each) => each.host.name === host);
    if (!found) throw new Error(`no member ${host}`);
    return found;
  };
  const start = async (host: string): Promise<void> => {
    const { port, dataDirectory } = memberOf(host);
    await mkdir(dataDirectory, { recursive: true });
    const args = [
      '--dbpath',
      dataDirectory,
      '--port',
      String(port),
      '--bind_ip',
      '127.0.0.1',
      '--nounixsocket',
      '--replSet',
      name,
      '--keyFile',
      keyFile,
      '--wiredTigerCacheSizeGB',
      '0.25',
      '--oplogSize',
      '50',
      '--quiet',
      '--setParameter',
      'shutdownTimeoutMillisForSignaledShutdown=100',
    ];
    const child = spawn(mongod, [...args, ...(role === 'config' ? ['--configsvr'] : [])], { stdio: 'ignore' });
    running.set(host, child);
    await untilListening(port, child);
  };
  const client = (host: string): Promise<MongoClient> =>
    new MongoClient(`mongodb://127.0.0.1:${memberOf(host).port}/`, {
      directConnection: true,
      auth: { username: '__system', password: keyText },
      authSource: 'local',
      serverSelectionTimeoutMS: 60_000,
    }).connect();
  const stop = async (host: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    const child = running.get(host);
    running.delete(host);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  };
  const end = async (): Promise<void> => {
    await Promise.all([...running.keys()].map((host) => stop(host, 'SIGKILL')));
    await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
  try {
    await Promise.all(members.map(({ host }) => start(host.name)));
    const first = await client(`${name}-0`);
    await first.db('admin').command({
      replSetInitiate: {
        _id: name,
        ...(role === 'config' ? { configsvr: true } : {}),
        members: members.map(({ port }, index) => ({ _id: index, host: `127.0.0.1:${port}` })),
      },
    });
    await first.close();
    const clients = await Promise.all(members.map(({ host }) => client(host.name)));
    await untilSettled(clients).finally(() => Promise.all(clients.map((each) => each.close())));
    return { set, directory, stop, start, client, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Every member is in its place, and the primary takes writes: its state says PRIMARY a moment earlier. */
async function untilSettled(members: MongoClient[]): Promise<void> {
  for (let tries = 0; tries < triesMax; tries++) {
    const hellos = await Promise.all(members.map((member) => member.db('admin').command({ hello: 1 })));
    const settled = hellos.every(({ isWritablePrimary, secondary }) => isWritablePrimary === true || secondary === true);
    if (settled && hellos.some(({ isWritablePrimary }) => isWritablePrimary === true)) return;
    await pause(100);
  }
  throw new Error('the set has no primary');
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < triesMax; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
        .once('connect', () => (socket.destroy(), resolve(true)))
        .once('error', () => resolve(false));
    });
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the mongod for port ${port} ended with ${child.exitCode ?? child.signalCode}`);
    if (open) return;
    await pause(100);
  }
  throw new Error(`nothing listens on ${port}`);
}
