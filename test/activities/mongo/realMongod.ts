import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { MongoClient } from 'mongodb';

import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import type { MongoCredential, MongoMember, ReplicaSet } from '../../../activities/mongo/mongo.contract.ts';
import { freePort } from '../../../deploy/lab/freePort.ts';
import { tool } from '../../../deploy/setup/tools.ts';
import { waitUntil } from '../../support/waitUntil.ts';

/** Longer than a busy machine takes to start a server. */
export const patienceMs = 180_000;

/** Text of the keyfile, which is also the password of the server's own user. */
const keyText = 'nightshiftTestKeyfile0123456789';
export const secrets: Record<string, string> = { 'mongo-key': keyText, 'mongo-operator': 'operator-password-1', wrong: 'not-the-password' };
export const systemUser: MongoCredential = { username: '__system', password: 'mongo-key', authSource: 'local' };
export const operator: MongoCredential = { username: 'operator', password: 'mongo-operator', authSource: 'admin' };

export async function resolveSecret(name: string): Promise<string> {
  const value = secrets[name];
  if (value === undefined) throw new Error(`test: no secret ${name}`);
  return value;
}

/** Path of a real mongod, or why there is none. With REQUIRE_REAL=1 a missing one is an error. */
export async function findMongod(): Promise<{ mongod: string; missing?: undefined } | { mongod?: undefined; missing: string }> {
  try {
    return { mongod: await tool('mongod') };
  } catch (error) {
    if (process.env.REQUIRE_REAL === '1') throw error;
    return { missing: `NOT TESTED: no mongod could be had: ${String(error)}` };
  }
}

export function hostRef(name: string): HostRef {
  return {
    name,
    address: '127.0.0.1',
    reach: { kind: 'local' },
    serviceManager: { kind: 'supervisor', command: 'supervisorctl', configFile: '/none' },
    stateDirectory: join(tmpdir(), 'nightshift-test-state'),
  };
}

/** Members by host name; each is one real process. */
export class RealReplicaSet {
  readonly set: ReplicaSet;
  readonly #mongod: string;
  readonly #root: string;
  readonly #options: readonly string[];
  readonly #processes = new Map<string, ChildProcess>();

  constructor(mongod: string, root: string, set: ReplicaSet, options: readonly string[]) {
    this.#options = options;
    this.#mongod = mongod;
    this.#root = root;
    this.set = set;
  }

  member(hostName: string): MongoMember {
    const member = this.set.members.find(({ host }) => host.name === hostName);
    if (!member) throw new Error(`test: no member on ${hostName}`);
    return member;
  }

  processId(hostName: string): number | undefined {
    return this.#processes.get(hostName)?.pid;
  }

  async start(hostName: string): Promise<void> {
    const { port, dataDirectory } = this.member(hostName);
    const role = this.set.role === 'config' ? '--configsvr' : '--shardsvr';
    // Nothing may change the content by itself while a test looks.
    const quiet = ['ttlMonitorEnabled=false', 'disableLogicalSessionCacheRefresh=true', 'diagnosticDataCollectionEnabled=false'];
    const settings = ['shutdownTimeoutMillisForSignaledShutdown=100', ...quiet];
    const child = spawn(
      this.#mongod,
      [
        ...['--replSet', this.set.name, role, '--dbpath', dataDirectory, '--port', String(port), '--bind_ip', '127.0.0.1'],
        ...['--nounixsocket', '--oplogSize', '32', '--wiredTigerCacheSizeGB', '0.25', '--keyFile', join(this.#root, 'key')],
        ...['--logpath', `${dataDirectory}.log`, '--logappend'],
        ...settings.flatMap((setting) => ['--setParameter', setting]),
        ...this.#options,
      ],
      { stdio: 'ignore' },
    );
    this.#processes.set(hostName, child);
    child.once('exit', () => this.#processes.delete(hostName));
  }

  /** SIGTERM: a clean stop; SIGKILL: a crash. */
  async stop(hostName: string, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#processes.get(hostName);
    if (!child) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async stopAll(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await Promise.all([...this.#processes.keys()].map((hostName) => this.stop(hostName, signal)));
  }

  async withClient<T>(hostName: string, work: (client: MongoClient) => Promise<T>, credential: MongoCredential = systemUser): Promise<T> {
    const client = new MongoClient(`mongodb://127.0.0.1:${this.member(hostName).port}/?directConnection=true`, {
      serverSelectionTimeoutMS: patienceMs,
      auth: { username: credential.username, password: await resolveSecret(credential.password) },
      authSource: credential.authSource,
    });
    try {
      return await work(client);
    } finally {
      await client.close();
    }
  }

  /** Host name of the member that says it is the writable primary. */
  async primary(): Promise<string> {
    let primary = '';
    await waitUntil(
      `${this.set.name} has a primary`,
      async () => {
        for (const hostName of this.#processes.keys()) {
          const hello = await this.withClient(hostName, (client) => client.db('admin').command({ hello: 1 })).catch(() => null);
          if (hello?.isWritablePrimary) primary = hostName;
        }
        return primary !== '';
      },
      patienceMs,
    );
    return primary;
  }
}

export interface RealMongo {
  mongod: string;
  root: string;
  /** Starts, initiates, waits for a primary and adds the user `operator` with the role root. */
  replicaSet(options: {
    name: string;
    role: 'shard' | 'config';
    members: number;
    credential?: MongoCredential;
    options?: string[];
  }): Promise<RealReplicaSet>;
  /** Ends every process that was started here and removes the files. */
  close(): Promise<void>;
}

export async function openRealMongo(mongod: string): Promise<RealMongo> {
  const root = await mkdtemp(join(tmpdir(), 'nightshift-mongo-'));
  await writeFile(join(root, 'key'), keyText, { mode: 0o600 });
  const sets: RealReplicaSet[] = [];
  return {
    mongod,
    root,
    async replicaSet({ name, role, members: size, credential = systemUser, options = [] }) {
      const members: MongoMember[] = [];
      for (let number = 1; number <= size; number += 1) {
        const host = hostRef(`${name}-${number}`);
        const dataDirectory = join(root, host.name);
        await mkdir(dataDirectory);
        members.push({ host, address: '127.0.0.1', port: await freePort(), unit: 'vitam-mongod', dataDirectory });
      }
      const real = new RealReplicaSet(mongod, root, { name, role, members, credential }, options);
      sets.push(real);
      for (const { host } of members) await real.start(host.name);
      // Initiation asks every member, so every member must answer.
      for (const { host } of members) await real.withClient(host.name, (client) => client.db('admin').command({ hello: 1 }));
      const first = members[0]?.host.name ?? '';
      await real.withClient(first, (client) =>
        client.db('admin').command({
          replSetInitiate: {
            _id: name,
            ...(role === 'config' ? { configsvr: true } : {}),
            // Short for the tests that kill a primary; a busy machine keeps a heartbeat back for less.
            settings: { electionTimeoutMillis: 5_000 },
            members: members.map(({ port }, index) => ({ _id: index, host: `127.0.0.1:${port}` })),
          },
        }),
      );
      const primary = await real.primary();
      const user = { createUser: 'operator', pwd: await resolveSecret('mongo-operator'), roles: ['root'] };
      await real.withClient(primary, (client) => client.db('admin').command({ ...user, writeConcern: { w: size, wtimeout: patienceMs } }));
      return real;
    },
    async close() {
      await Promise.all(sets.map((set) => set.stopAll('SIGKILL')));
      await rm(root, { recursive: true, force: true });
    },
  };
}
