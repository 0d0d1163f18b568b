import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import type { MongoCluster, MongoMember, ReplicaSet } from '../../activities/mongo/mongo.contract.ts';
import type { VitamComponent, VitamPlatform, VitamSecurisation } from './platform.contract.ts';
import { dropUndefined, type Fault } from '../runbook/definitions.schema.ts';
import type { HostDocument, OrderDocument, PlatformDocument, ReplicaSetDocument } from './platform.schema.ts';

/** Resolves a document of the right shape: names to hosts and components. Collects every fault of reference. */
export function resolvePlatform(
  name: string,
  document: PlatformDocument,
  order: OrderDocument | null,
): { platform: VitamPlatform | null; faults: Fault[] } {
  const faults: Fault[] = [];
  const fault = (path: string, message: string): void => void faults.push({ path, message });
  const hosts = new Map(Object.entries(document.hosts).map(([hostName, each]) => [hostName, hostRef(hostName, each)]));
  for (const [hostName, { reach, hostKeys }] of Object.entries(document.hosts))
    if (reach !== 'local' && !reach.ssh.hostKeys && !hostKeys) fault(`hosts.${hostName}.hostKeys`, 'pin at least one host key: "SHA256:…"');
  const anyHost: HostRef =
    [...hosts.values()][0] ?? hostRef('none', { address: '', reach: 'local', serviceManager: 'systemd', stateDirectory: '/' });
  const hostAt = (hostName: string, path: string): HostRef => {
    const found = hosts.get(hostName);
    if (!found) fault(path, `unknown host "${hostName}"; hosts: ${[...hosts.keys()].join(', ')}`);
    return found ?? anyHost;
  };
  const wanted = (componentName: string, path: string): void => {
    if (!(componentName in document.components)) fault(path, `unknown component "${componentName}"`);
  };

  const components: VitamComponent[] = Object.entries(document.components).map(([componentName, each]) => {
    const path = `components.${componentName}`;
    if (new Set(each.hosts).size !== each.hosts.length) fault(`${path}.hosts`, 'a host is listed twice');
    const statusPort = each.status?.port ?? each.adminPort;
    if (each.status && statusPort === undefined) fault(`${path}.status`, 'needs a port, or an adminPort of the component');
    const { status, hosts: names, adminPort, ...rest } = each;
    return {
      name: componentName,
      ...rest,
      ...(adminPort === undefined ? {} : { adminPort }),
      hosts: names.map((hostName, index) => hostAt(hostName, `${path}.hosts.${index}`)),
      ...(status && statusPort !== undefined
        ? {
            status: {
              scheme: status.scheme,
              port: statusPort,
              path: status.path,
              accept: status.accept,
              ...(status.tls ? { tls: dropUndefined(status.tls) } : {}),
            },
          }
        : {}),
    };
  });

  if (order) {
    const stopped = [...order.fronts, ...order.workers, ...order.backEnds, ...order.search];
    for (const list of ['fronts', 'workers', 'backEnds', 'search', 'start'] as const)
      order[list].forEach((each, index) => wanted(each, `order.${list}.${index}`));
    for (const each of new Set(stopped.filter((one, index) => stopped.indexOf(one) !== index)))
      fault('order', `"${each}" is stopped twice`);
    for (const each of new Set(order.start.filter((one, index) => order.start.indexOf(one) !== index)))
      fault('order.start', `"${each}" is started twice`);
    for (const each of stopped.filter((one) => !order.start.includes(one)))
      fault('order.start', `"${each}" is stopped and never started: it would stay down`);
    for (const each of order.start.filter((one) => !stopped.includes(one))) fault('order', `"${each}" is started and never stopped`);
    for (const each of Object.keys(document.components).filter((one) => !stopped.includes(one)))
      fault('order', `component "${each}" is in no stop list: it would run during the copy`);
  }

  wanted(document.processing, 'processing');
  if (document.scheduler) wanted(document.scheduler, 'scheduler');
  const secured = resolveSecurisation(document, hostAt, wanted);

  const clusters: MongoCluster[] = Object.entries(document.clusters).map(([clusterName, each]) => {
    const path = `clusters.${clusterName}`;
    const names = each.shards.map((shard) => shard.name);
    for (const twice of new Set(names.filter((one, index) => names.indexOf(one) !== index)))
      fault(`${path}.shards`, `replica set "${twice}" is listed twice`);
    return {
      name: clusterName,
      routers: each.routers.map((router, index) => {
        const routerHost = hostAt(router.host, `${path}.routers.${index}.host`);
        return { host: routerHost, address: router.address ?? routerHost.address, port: router.port, unit: router.unit };
      }),
      config: setOf(each.config, 'config', `${path}.config`, hostAt),
      shards: each.shards.map((shard, index) => setOf(shard, 'shard', `${path}.shards.${index}`, hostAt)),
      ...(each.adminCredential ? { adminCredential: each.adminCredential } : {}),
    };
  });
  const seats = clusters.flatMap((each) =>
    [each.config, ...each.shards].flatMap((set) =>
      set.members.map(({ host: { name: hostName }, port: memberPort }) => `${hostName}:${memberPort}`),
    ),
  );
  for (const twice of new Set(seats.filter((seat, index) => seats.indexOf(seat) !== index))) fault('clusters', `two members at ${twice}`);

  const { backup } = document;
  const catalogHost = hostAt(backup.catalogHost, 'backup.catalogHost');
  const further = backup.further.map((each, index) => ({
    name: each.name,
    path: each.path.replaceAll('{host}', each.host),
    host: hostAt(each.host, `backup.further.${index}.host`),
  }));
  const furtherNames = further.map((each) => each.name);
  for (const twice of new Set(furtherNames.filter((one, index) => furtherNames.indexOf(one) !== index)))
    fault('backup.further', `"${twice}" is listed twice`);
  const holders = new Set([
    ...clusters.flatMap((each) => [each.config, ...each.shards].flatMap((set) => set.members.map((one) => one.host.name))),
    ...further.map((each) => each.host.name),
    catalogHost.name,
  ]);
  const directories: Record<string, string> = {};
  for (const holder of holders) {
    const directory = document.hosts[holder]?.backupDirectory;
    if (directory) directories[holder] = directory.replaceAll('{host}', holder);
    else if (document.hosts[holder]) fault(`hosts.${holder}.backupDirectory`, 'needed: the host holds parts of the backup or its catalog');
  }
  if (document.window.begin === document.window.end) fault('window', 'begin and end are the same');

  if (faults.length > 0 || !order || !secured) return { platform: null, faults };
  const { objectStore: store, proof, ...backupRest } = backup;
  return {
    faults,
    platform: {
      system: 'vitam',
      name,
      title: document.title,
      window: document.window,
      hosts: [...hosts.values()],
      components,
      order,
      tenants: document.tenants,
      processing: document.processing,
      drain: document.drain,
      securisation: secured,
      ...(document.scheduler ? { scheduler: document.scheduler } : {}),
      clusters,
      backup: {
        ...backupRest,
        directories,
        catalogHost,
        further,
        ...(store ? { objectStore: dropUndefined(store) } : {}),
        ...(proof ? { proof } : {}),
      },
      policy: document.policy,
    },
  };
}

type HostAt = (hostName: string, path: string) => HostRef;

function hostRef(hostName: string, { address, reach, hostKeys, serviceManager, stateDirectory }: HostDocument): HostRef {
  return {
    name: hostName,
    address,
    reach:
      reach === 'local'
        ? { kind: 'local' }
        : { kind: 'ssh', ...dropUndefined({ address, hostKeys: hostKeys ?? [], ...dropUndefined(reach.ssh) }) },
    serviceManager:
      serviceManager === 'systemd'
        ? { kind: 'systemd', sudo: false }
        : 'systemd' in serviceManager
          ? { kind: 'systemd', sudo: serviceManager.systemd.sudo }
          : { kind: 'supervisor', ...serviceManager.supervisor },
    stateDirectory: stateDirectory.replaceAll('{host}', hostName),
  };
}

function setOf(document: ReplicaSetDocument, role: ReplicaSet['role'], path: string, hostAt: HostAt): ReplicaSet {
  const members: MongoMember[] = document.hosts.map((each, index) => {
    const own = typeof each === 'string' ? { host: each } : each;
    const memberHost = hostAt(own.host, `${path}.hosts.${index}`);
    return {
      host: memberHost,
      address: ('address' in own ? own.address : undefined) ?? memberHost.address,
      port: ('port' in own ? own.port : undefined) ?? document.port,
      unit: ('unit' in own ? own.unit : undefined) ?? document.unit,
      dataDirectory: (('dataDirectory' in own ? own.dataDirectory : undefined) ?? document.dataDirectory).replaceAll('{host}', own.host),
    };
  });
  return { name: document.name, role, members, ...(document.credential ? { credential: document.credential } : {}) };
}

function resolveSecurisation(
  document: PlatformDocument,
  hostAt: HostAt,
  wanted: (componentName: string, path: string) => void,
): VitamSecurisation | null {
  const { securisation: given } = document;
  if (given.mechanism === 'none') return given;
  const { when, graceSeconds, limitSeconds, pollSeconds, needs } = given;
  needs.forEach((each, index) => wanted(each, `securisation.needs.${index}`));
  const when_ = { at: { when, graceSeconds, limitSeconds, pollSeconds, needs } };
  switch (given.mechanism) {
    case 'cron':
      return {
        mechanism: 'cron',
        host: hostAt(given.host, 'securisation.host'),
        processPattern: given.processPattern,
        resultFile: given.resultFile,
        command: given.command,
        ...when_,
      };
    case 'timers':
      return { mechanism: 'timers', host: hostAt(given.host, 'securisation.host'), units: given.units, ...when_ };
    case 'scheduler':
      wanted(given.logbook, 'securisation.logbook');
      wanted(given.scheduler, 'securisation.scheduler');
      return {
        mechanism: 'scheduler',
        logbook: given.logbook,
        scheduler: given.scheduler,
        jobs: given.jobs,
        adminTenant: given.adminTenant,
        ...when_,
      };
  }
}
