import { setTimeout as sleep } from 'node:timers/promises';

import { adminUser, localAdminUser, type ClusterPlan, type ClusterSet } from './clusterPlan.contract.ts';
import { codeOf, retry, type Connections } from './connections.ts';

const answerLimitMs = 180_000;
const electionLimitMs = 15_000;
const notYetInitialized = 94;
const alreadyInitialized = 23;
const alreadyExists = [51003, 51002];

/** Initiates the set when it is new, and waits until it has a primary and every other member is a secondary. */
export async function ensureReplicaSet(connections: Connections, set: ClusterSet): Promise<void> {
  const first = set.members[0];
  if (!first) throw new Error(`${set.name} has no member`);
  const clients = await Promise.all(set.members.map((member) => connections.member(member)));
  // Every member must answer before the set is initiated.
  await Promise.all(clients.map((client) => retry(answerLimitMs, () => client.db('admin').command({ hello: 1 }))));
  const admin = (await connections.member(first)).db('admin');
  try {
    await admin.command({ replSetGetStatus: 1 });
  } catch (error) {
    if (codeOf(error) !== notYetInitialized) throw error;
    await retry(
      answerLimitMs,
      () =>
        admin.command({
          replSetInitiate: {
            _id: set.name,
            ...(set.role === 'config' ? { configsvr: true } : {}),
            members: set.members.map(({ address, port }, index) => ({ _id: index, host: `${address}:${port}` })),
          },
        }),
      [alreadyInitialized],
    );
  }
  await hurryElection(connections, set);
  await waitUntilHealthy(connections, set);
}

/** Members that start together wait ten seconds and more before one of them stands for election: the first one is asked to. */
async function hurryElection(connections: Connections, set: ClusterSet): Promise<void> {
  const clients = await Promise.all(set.members.map((member) => connections.member(member)));
  const deadline = Date.now() + electionLimitMs;
  while (Date.now() < deadline) {
    const hellos = await Promise.all(
      clients.map((client) =>
        client
          .db('admin')
          .command({ hello: 1 })
          .catch(() => null),
      ),
    );
    if (hellos.some((hello) => hello?.isWritablePrimary === true)) return;
    // Refused while the member is not yet a secondary, or when another one is ahead of it.
    const candidate = clients[hellos.findIndex((hello) => hello?.secondary === true)];
    await candidate
      ?.db('admin')
      .command({ replSetStepUp: 1 })
      .catch(() => undefined);
    await sleep(100);
  }
}

/** Waits until the set has one primary and all others follow it. */
export async function waitUntilHealthy(connections: Connections, set: ClusterSet): Promise<void> {
  const { client } = await connections.primary(set, answerLimitMs);
  const deadline = Date.now() + answerLimitMs;
  for (;;) {
    const status = await client
      .db('admin')
      .command({ replSetGetStatus: 1 })
      .catch(() => null);
    const states = ((status?.members ?? []) as { stateStr: string }[]).map(({ stateStr }) => stateStr);
    if (states.length === set.members.length && states.every((state) => state === 'PRIMARY' || state === 'SECONDARY')) return;
    if (Date.now() > deadline) throw new Error(`${set.name}: members are ${states.join(', ')} after ${answerLimitMs / 1000} s`);
    await sleep(50);
  }
}

/**
 * VITAM's users, per set as MongoDB keeps them. The balancer commands of a config primary want the action `internal`, which no
 * built-in role has. To hash every database the local administrator reads `config` and `local` besides what `root` may.
 */
export async function ensureUsers(connections: Connections, plan: ClusterPlan, set: ClusterSet): Promise<void> {
  const admin = (await connections.primary(set)).client.db('admin');
  const make = async (command: Record<string, unknown>): Promise<void> => {
    try {
      await admin.command({ ...command, writeConcern: { w: 'majority', wtimeout: 60_000 } });
    } catch (error) {
      if (!alreadyExists.includes(codeOf(error) ?? 0)) throw error;
    }
  };
  const wide = [
    { role: 'root', db: 'admin' },
    { role: 'read', db: 'config' },
    { role: 'read', db: 'local' },
  ];
  await make({ createUser: localAdminUser, pwd: plan.localAdminPassword, roles: wide });
  if (set.role === 'config') {
    await make({ createRole: 'clusterInternal', privileges: [{ resource: { cluster: true }, actions: ['internal'] }], roles: [] });
    await make({ createUser: adminUser, pwd: plan.adminPassword, roles: [...wide, { role: 'clusterInternal', db: 'admin' }] });
  }
}
