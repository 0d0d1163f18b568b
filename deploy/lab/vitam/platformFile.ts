import { posix } from 'node:path';

import { stringify } from 'yaml';

import { sshReachOf } from '../machines/labHosts.ts';
import type { LabMachine } from '../machines/machines.contract.ts';
import { adminUser, localAdminUser } from '../mongo/clusterPlan.contract.ts';
import { tenants, type LabLayout, type LabReplicaSet } from './platform.ts';
import { securisationJobs } from './standIns/schedulerApi.ts';

export const secretNames = { mongoAdmin: 'lab-mongo-admin', mongoLocalAdmin: 'lab-mongo-localadmin' } as const;

/**
 * The lab as a platform file (workflows/vitam/platform.schema.ts).
 * @param diskOf a machine's disk as a path on it; also asked for the placeholder "{host}", which the reader of the file replaces.
 */
export function platformFileText({
  layout,
  machines,
  diskOf,
  mongod,
}: {
  layout: LabLayout;
  machines: LabMachine[];
  diskOf: (machine: string) => string;
  mongod: string;
}): string {
  const anyHost = (path: string): string => posix.join(diskOf('{host}'), path);
  const backDisk = diskOf('back-1');
  const document = {
    system: 'vitam',
    title: `All-in-one VITAM lab (${layout.shape}): real service managers, SSH and MongoDB; the Java components are stand-ins`,
    window: { zone: 'Europe/Paris', begin: '20:00', end: '08:00', outside: 'run', atEnd: 'abort', startServices: 'whenReady' },
    hosts: Object.fromEntries(machines.map((machine) => [machine.name, hostDocument(machine, diskOf(machine.name))])),
    components: Object.fromEntries(
      layout.components.map(({ name, unit, machines: hosts, servicePort, adminPort, oneHostAtATime }) => [
        name,
        {
          unit,
          hosts,
          servicePort,
          ...(adminPort === undefined ? {} : { adminPort, status: { scheme: 'http', path: '/admin/v1/autotest' } }),
          limits: { startSeconds: 60, stopSeconds: 120, apiSeconds: 20 },
          ...(oneHostAtATime ? { oneHostAtATime } : {}),
        },
      ]),
    ),
    order: { profile: 'seed' },
    tenants,
    processing: 'processing',
    drain: { pollSeconds: 2, limitSeconds: 600, paused: 'accept', fatal: 'ask' },
    securisation: {
      mechanism: 'scheduler',
      logbook: 'logbook',
      scheduler: 'scheduler',
      jobs: securisationJobs,
      adminTenant: 1,
      when: 'now',
      graceSeconds: 5,
      limitSeconds: 300,
      pollSeconds: 1,
      needs: ['workspace', 'worker', 'processing', 'storage', 'logbook'],
    },
    scheduler: 'scheduler',
    clusters: {
      data: {
        routers: [],
        adminCredential: { username: adminUser, password: secretNames.mongoAdmin, authSource: 'admin' },
        config: setDocument(layout.config, anyHost),
        shards: layout.shards.map((shard) => setDocument(shard, anyHost)),
      },
    },
    backup: {
      requireSeparateDisk: false,
      freeSpaceFactor: 1.2,
      compressionLevel: 1,
      catalogHost: 'back-1',
      keepSets: 3,
      evidence: 'digest',
      further: [
        { name: 'data-storage', host: 'back-1', path: posix.join(backDisk, 'vitam/data/storage') },
        { name: 'conf', host: 'back-1', path: posix.join(backDisk, 'vitam/conf') },
      ],
      proof: { directory: anyHost('proof'), mongod, port: 28_999 },
    },
    policy: {
      onStepFailure: 'unwind',
      holdSeconds: 600,
      questionSeconds: 30,
      restoreLimitSeconds: 600,
      clockSkewLimitSeconds: 30,
      balancerLimitSeconds: 120,
      mongoStartOrder: 'mongodFirst',
      restartRouters: false,
    },
  };
  return `# Written by deploy/lab/vitam/lab.ts up; the next "up" writes it again. Change deploy/lab/vitam/platformFile.ts instead.\n${stringify(document, { lineWidth: 140 })}`;
}

function hostDocument({ address, ssh, serviceManager }: LabMachine, disk: string): Record<string, unknown> {
  return {
    address,
    reach: { ssh: sshReachOf(ssh) },
    serviceManager:
      serviceManager.kind === 'supervisor'
        ? { supervisor: { command: serviceManager.command, configFile: serviceManager.configFile } }
        : { systemd: { sudo: serviceManager.sudo } },
    stateDirectory: posix.join(disk, 'var/lib/nightshift'),
    backupDirectory: posix.join(disk, 'backup'),
  };
}

function setDocument(
  { name, port, unit, machines, dataDirectory }: LabReplicaSet,
  anyHost: (path: string) => string,
): Record<string, unknown> {
  return {
    name,
    port,
    unit,
    dataDirectory: anyHost(dataDirectory),
    hosts: machines,
    credential: { username: localAdminUser, password: secretNames.mongoLocalAdmin, authSource: 'admin' },
  };
}
