import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

import { stringify } from 'yaml';

import type { LabUnit } from '../machines/machines.contract.ts';
import { tenants, type LabComponent, type LabLayout, type LabReplicaSet } from './platform.ts';
import type { StandInConfiguration } from './standIns/standIn.contract.ts';

/** Where a machine will be, before it is up. */
export interface MachinePlace {
  address: string;
  /** Its disk, as a path on the machine. */
  disk: string;
}

/** A file on a machine: its path below the machine's disk. */
export interface MachineFile {
  path: string;
  text: string;
  mode: number;
}

const standIn = fileURLToPath(new URL('./standIns/vitamComponentStandIn.ts', import.meta.url));
const componentStopSeconds = 90;
const mongodStopSeconds = 120;
/** A JVM that ends on TERM. */
const jvmTerminated = 143;

export function knobsPath(component: string): string {
  return `vitam/lab/${component}.json`;
}

/** Every unit of one machine. `node` and `mongod` are programs on the machine. */
export function unitsOf(
  layout: LabLayout,
  machine: string,
  place: MachinePlace,
  { node, mongod }: { node: string; mongod: string },
): LabUnit[] {
  const on = (path: string): string => posix.join(place.disk, path);
  return [
    ...setsOn(layout, machine).map((set): LabUnit => ({
      name: set.unit,
      kind: 'service',
      command: [mongod, '--config', on(`${set.configurationDirectory}/${programOf(set)}.conf`)],
      environment: {},
      stopWaitSeconds: mongodStopSeconds,
      cleanExitStatuses: [],
    })),
    ...componentsOn(layout, machine).map((component): LabUnit => ({
      name: component.unit,
      kind: 'service',
      command: [node, '--max-old-space-size=32', '--disable-warning=ExperimentalWarning', standIn, on(configurationPath(component))],
      environment: {},
      stopWaitSeconds: componentStopSeconds,
      // The component units do not list 143 as success, those of Elasticsearch do (vitam 13).
      cleanExitStatuses: component.name.startsWith('elasticsearch') ? [jvmTerminated] : [],
    })),
  ];
}

/** Every file that the units of one machine read. */
export function filesOf(
  layout: LabLayout,
  machine: string,
  placeOf: (machine: string) => MachinePlace,
  keyFileText: string,
): MachineFile[] {
  const place = placeOf(machine);
  return [
    ...setsOn(layout, machine).flatMap((set): MachineFile[] => [
      { path: `${set.configurationDirectory}/keyfile`, text: keyFileText, mode: 0o600 },
      { path: `${set.configurationDirectory}/${programOf(set)}.conf`, text: mongodConfiguration(set, place), mode: 0o640 },
    ]),
    ...componentsOn(layout, machine).map((component): MachineFile => ({
      path: configurationPath(component),
      text: JSON.stringify(standInConfiguration(layout, component, placeOf, place), null, 2),
      mode: 0o640,
    })),
  ];
}

/** Directories that must be there before the units start, below the machine's disk. */
export function directoriesOf(layout: LabLayout, machine: string): string[] {
  return [
    ...setsOn(layout, machine).map((set) => set.dataDirectory),
    ...componentsOn(layout, machine).map(({ name }) => `vitam/data/${name}`),
    'vitam/log',
    'vitam/lab',
  ];
}

export function setsOn(layout: LabLayout, machine: string): LabReplicaSet[] {
  return [layout.config, ...layout.shards].filter((set) => set.machines.includes(machine));
}

export function componentsOn(layout: LabLayout, machine: string): LabComponent[] {
  return layout.components.filter((component) => component.machines.includes(machine));
}

function programOf(set: LabReplicaSet): string {
  return set.role === 'config' ? 'mongoc' : 'mongod';
}

function configurationPath(component: LabComponent): string {
  return `vitam/conf/${component.name}/${component.name}.json`;
}

/** Small caches and a small oplog; stops in seconds instead of fifteen; what a range moved away is deleted at once. */
function mongodConfiguration(set: LabReplicaSet, { address, disk }: MachinePlace): string {
  return stringify({
    storage: { dbPath: posix.join(disk, set.dataDirectory), wiredTiger: { engineConfig: { cacheSizeGB: 0.25 } } },
    systemLog: { destination: 'file', path: posix.join(disk, `vitam/log/${programOf(set)}.log`), logAppend: true },
    net: { bindIp: address, port: set.port, unixDomainSocket: { enabled: false } },
    replication: { replSetName: set.name, oplogSizeMB: 64 },
    sharding: { clusterRole: set.role === 'config' ? 'configsvr' : 'shardsvr' },
    security: { keyFile: posix.join(disk, set.configurationDirectory, 'keyfile') },
    setParameter: {
      shutdownTimeoutMillisForSignaledShutdown: 100,
      diagnosticDataCollectionEnabled: false,
      orphanCleanupDelaySecs: 1,
      // Otherwise the balancer spreads 1,024 chunks of the sessions collection for a quarter of an hour.
      ...(set.role === 'config' ? { minNumChunksForSessionsCollection: 2 } : {}),
    },
  });
}

function standInConfiguration(
  layout: LabLayout,
  component: LabComponent,
  placeOf: (machine: string) => MachinePlace,
  { address, disk }: MachinePlace,
): StandInConfiguration {
  const peers = component.name === 'logbook' ? ['storage', 'workspace', 'processing', 'worker'] : [];
  return {
    component: component.name,
    address,
    servicePort: component.servicePort,
    ...(component.adminPort === undefined ? {} : { adminPort: component.adminPort }),
    stateDirectory: posix.join(disk, `vitam/data/${component.name}`),
    knobsFile: posix.join(disk, knobsPath(component.name)),
    tenants,
    peers: Object.fromEntries(
      peers.map((peer) => {
        const found = layout.components.find(({ name }) => name === peer);
        return [peer, (found?.machines ?? []).map((machine) => ({ address: placeOf(machine).address, port: found?.servicePort ?? 0 }))];
      }),
    ),
    operations: [
      { tenant: 0, seconds: 20 },
      { tenant: 1, seconds: 30 },
    ],
  };
}
