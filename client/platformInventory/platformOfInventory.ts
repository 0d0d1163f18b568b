import type { Fault } from '../../workflows/runbook/definitionFiles.schema.ts';
import type { OrderDocument } from '../../workflows/vitam/platform.schema.ts';
import { isTable, isTrue, number, text, variable } from './inventoryVariables.ts';
import type { Inventory, InventoryHost } from './readInventory.ts';
import { vitamComponents } from './vitamComponents.ts';

type Fields = Record<string, unknown>;

export interface ImportedPlatform {
  /** A platform file's document. What the inventory does not tell is empty in it: `check` asks for it by its path. */
  document: Fields;
  /** Names of secrets that the document refers to. */
  secrets: string[];
  /** What was chosen, left out, or is to be looked at. */
  notes: string[];
  /** What is wrong with the inventory itself. */
  faults: Fault[];
}

interface Draft extends Omit<ImportedPlatform, 'document'> {
  name: string;
  /** Where VITAM keeps its files. */
  root: string;
  /** By name with underscores. */
  groups: Map<string, InventoryHost[]>;
  /** Groups that were asked for. */
  known: Set<string>;
  /** Hosts of the platform. */
  used: Map<string, InventoryHost>;
  /** Those that hold a part of a backup. */
  holders: Set<string>;
}

/**
 * Turns the inventory and group variables with which VITAM was deployed into a platform file.
 * @param given name of the platform; default: vitam_site_name.
 * @param usual the order of VITAM's playbooks, with every component.
 */
export function platformOfInventory(given: string | undefined, inventory: Inventory, usual: OrderDocument): ImportedPlatform {
  const groups = new Map([...inventory.groups].map(([group, hosts]) => [underscored(group), hosts]));
  const [any] = Object.keys(vitamComponents).flatMap((component) => groupsOf(component).flatMap((group) => groups.get(group) ?? []));
  const draft: Draft = {
    name: given ?? text(any, 'vitam_site_name') ?? 'vitam',
    root: text(any, 'vitam_defaults.folder.root_path') ?? '/vitam',
    groups,
    ...{ known: new Set(), used: new Map(), holders: new Set(), secrets: [], notes: [], faults: [...inventory.faults] },
  };
  const document = documentOf(draft, any, usual);
  const left = inventory.naming.filter((group) => !draft.known.has(underscored(group)));
  if (left.length > 0)
    draft.notes.push(`groups that are no part of VITAM as it is known here, neither stopped nor copied: ${left.join(', ')}`);
  for (const file of inventory.encrypted) draft.notes.push(`${file} is encrypted and was not read`);
  return { document, secrets: draft.secrets, notes: [...new Set(draft.notes)], faults: draft.faults };
}

/** The one place that knows the form of the file. */
function documentOf(draft: Draft, any: InventoryHost | undefined, usual: OrderDocument): Fields {
  const components = Object.fromEntries(Object.keys(vitamComponents).flatMap((component) => componentOf(draft, component)));
  const clusters = Object.fromEntries([...clustersOf(draft, 'data'), ...clustersOf(draft, 'offer')]);
  const further = offerFilesOf(draft);
  const has = (component: string): boolean => component in components;
  // A host that is asked for a backup directory anyway.
  const catalogHost = [...draft.holders][0] ?? '';
  const tenants = variable(any, 'vitam_tenant_ids');
  return {
    system: 'vitam',
    name: draft.name,
    title: `VITAM ${draft.name}, imported from its inventory`,
    window: { zone: '' },
    hosts: Object.fromEntries([...draft.used].map(([name, host]) => [name, hostOf(draft, host)])),
    components,
    order: usual.start.every(has)
      ? { profile: usual.profile }
      : {
          ...{ fronts: usual.fronts.filter(has), workers: usual.workers.filter(has), backEnds: usual.backEnds.filter(has) },
          ...{ search: usual.search.filter(has), start: usual.start.filter(has) },
        },
    tenants: Array.isArray(tenants) ? tenants : [],
    securisation: securisationOf(any, components),
    ...(has('scheduler') ? { scheduler: 'scheduler' } : {}),
    clusters,
    backup: { catalogHost, further: [...further, { name: 'conf', host: catalogHost, path: `${draft.root}/conf` }] },
  };
}

function hostOf(draft: Draft, host: InventoryHost): Fields {
  const reached = text(host, 'ansible_host', 'ansible_ssh_host') ?? host.name;
  const user = text(host, 'ansible_user', 'ansible_ssh_user') ?? '';
  const port = number(host, 'ansible_port') ?? number(host, 'ansible_ssh_port');
  for (const variable of ['ansible_ssh_common_args', 'ansible_ssh_extra_args'])
    if (/proxy/i.test(text(host, variable) ?? ''))
      draft.notes.push(`${host.name} is reached through a proxy (${variable}): give its proxyCommand`);
  const keyFile = text(host, 'ansible_ssh_private_key_file');
  if (keyFile) draft.notes.push(`Ansible logs in with ${keyFile}`);
  const ssh = () => ({
    ...{ address: reached, ...(port === undefined ? {} : { port }), user },
    ...{ privateKey: secretOf(draft, 'ssh-key'), hostKeys: [] },
  });
  return {
    address: text(host, 'ip_service') ?? reached,
    reach: text(host, 'ansible_connection') === 'local' ? 'local' : { ssh: ssh() },
    serviceManager: user === 'root' ? 'systemd' : { systemd: { sudo: true } },
    ...(draft.holders.has(host.name) ? { backupDirectory: '' } : {}),
  };
}

const limits = {
  startSeconds: ['start_timeout', 300],
  stopSeconds: ['stop_timeout', 3600],
  apiSeconds: ['api_call_timeout', 120],
} as const;

function componentOf(draft: Draft, component: string): [string, Fields][] {
  const known = vitamComponents[component];
  const hosts = hostsIn(draft, ...groupsOf(component));
  if (!known || hosts.length === 0) return [];
  const [any] = hosts;
  const own = Object.entries(tableOf(any, 'vitam')).find(([, each]) => isTable(each) && each.vitam_component === component);
  const portOf = (kind: string): number | undefined => (own ? number(any, `vitam.${own[0]}.port_${kind}`) : undefined);
  const changed = Object.entries(limits).flatMap(([limit, [name, usual]]) => {
    const seconds = number(any, `vitam_defaults.services.${name}`) ?? usual;
    return seconds === usual ? [] : [[limit, seconds] as const];
  });
  return [
    [
      component,
      {
        unit: known.unit ?? `vitam-${component}`,
        hosts: placed(draft, hosts),
        servicePort: (known.portVariable ? number(any, known.portVariable) : portOf('service')) ?? known.servicePort,
        ...(known.adminPort ? { adminPort: portOf('admin') ?? known.adminPort, status: { path: '/admin/v1/status' } } : {}),
        ...known.fields,
        ...(changed.length > 0 ? { limits: Object.fromEntries(changed) } : {}),
      },
    ],
  ];
}

/** The data cluster, or those of the storage offers, by name. */
function clustersOf(draft: Draft, kind: 'data' | 'offer'): [string, Fields][] {
  const clusterOf = (host: InventoryHost): string => text(host, 'mongo_cluster_name') ?? `mongo-${kind}`;
  const [routers, configs, members] = (['mongos', 'mongoc', 'mongod'] as const).map((part) => hostsIn(draft, `hosts_${part}_${kind}`));
  const names = new Set([...(members ?? []), ...(configs ?? []), ...(routers ?? [])].map(clusterOf));
  return [...names].map((cluster) => {
    const inCluster = (hosts: readonly InventoryHost[] | undefined) => (hosts ?? []).filter((host) => clusterOf(host) === cluster);
    const shards = Map.groupBy(inCluster(members), (host) => text(host, 'mongo_shard_id') ?? '');
    for (const { name } of shards.get('') ?? [])
      draft.faults.push({ path: `hosts_mongod_${kind}`, message: `${name} needs its mongo_shard_id` });
    const [any] = inCluster(members);
    const hasLogin = !/^(false|no)$/i.test(String(variable(any, 'mongodb.mongo_authentication')));
    const login = (field: string, user: 'admin' | 'localadmin'): Fields =>
      hasLogin
        ? {
            [field]: {
              username: text(any, `mongodb.${cluster}.${user}.user`) ?? `vitamdb-${user}`,
              password: secretOf(draft, `${cluster}-mongo-${user}`),
            },
          }
        : {};
    const setOf = (name: string, part: 'mongoc' | 'mongod', port: number, hosts: readonly InventoryHost[]): Fields => ({
      ...{ name, port: number(any, `mongodb.${part}_port`) ?? port, unit: `vitam-${part}`, dataDirectory: `${draft.root}/data/${part}/db` },
      hosts: holdersAmong(draft, hosts),
      ...login('credential', 'localadmin'),
    });
    return [
      cluster,
      {
        routers: placed(draft, inCluster(routers)).map((host) => ({ host, port: number(any, 'mongodb.mongos_port') ?? 27_017 })),
        ...login('adminCredential', 'admin'),
        config: setOf('configsvr', 'mongoc', 27_018, inCluster(configs)),
        shards: [...shards].sort(([a], [b]) => Number(a) - Number(b)).map(([id, hosts]) => setOf(`shard${id}`, 'mongod', 27_019, hosts)),
      },
    ];
  });
}

/** Names of those that hold data: no arbiters. */
function holdersAmong(draft: Draft, hosts: readonly InventoryHost[]): string[] {
  const { arbiters = [], holding = [] } = Object.groupBy(hosts, (host) => (isTrue(host, 'mongo_arbiter') ? 'arbiters' : 'holding'));
  for (const { name } of arbiters) draft.notes.push(`${name} is an arbiter, without data: left out of its replica set`);
  for (const { name } of holding) draft.holders.add(name);
  return placed(draft, holding);
}

/** What the offers keep on their own disks; those of S3 and Swift keep nothing there. */
function offerFilesOf(draft: Draft): { name: string; host: string; path: string }[] {
  const providerOf = (host: InventoryHost): string => text(host, `vitam_offers.${text(host, 'offer_conf') ?? ''}.provider`) ?? '';
  const hosts = hostsIn(draft, ...groupsOf('offer')).filter((host) => !/s3|swift/.test(providerOf(host)));
  return placed(draft, hosts).map((host) => {
    draft.holders.add(host);
    return { name: hosts.length === 1 ? 'data-offer' : `data-offer-${host}`, host, path: `${draft.root}/data/offer` };
  });
}

const securisationNeeds = ['worker', 'processing', 'workspace', 'storage', 'logbook', 'metadata', 'offer'];

/** Since 6.0 the scheduler runs it; before, timers on one host do. */
function securisationOf(any: InventoryHost | undefined, components: Fields): Fields {
  const [logbook] = ((components.logbook as { hosts?: string[] } | undefined)?.hosts ?? ['']) as [string];
  const needs = securisationNeeds.filter((component) => component in components);
  if (!('scheduler' in components))
    return {
      mechanism: 'timers',
      host: logbook,
      units: ['operations', 'lfc-unit', 'lfc-objectgroup'].map((what) => `vitam-traceability-${what}`),
      needs,
    };
  return {
    mechanism: 'scheduler',
    jobs: ['OperationTraceabilityJob', 'TraceabilityLFCUnitJob', 'TraceabilityLFCObjectGroupJob', 'TraceabilityAuditJob'],
    adminTenant: number(any, 'vitam_tenant_admin') ?? 1,
    // The audit, the last of them, is begun at 00:55.
    graceSeconds: 4500,
    needs,
  };
}

function groupsOf(component: string): string[] {
  return vitamComponents[component]?.groups ?? [`hosts_${underscored(component)}`];
}

function hostsIn({ groups, known }: Draft, ...wanted: string[]): InventoryHost[] {
  for (const group of wanted) known.add(group);
  return [...new Set(wanted.flatMap((group) => groups.get(group) ?? []))];
}

/** Names of hosts that the platform needs. */
function placed({ used }: Draft, hosts: readonly InventoryHost[]): string[] {
  for (const host of hosts) used.set(host.name, host);
  return hosts.map(({ name }) => name);
}

function secretOf({ name, secrets }: Draft, what: string): string {
  const secret = `${name}-${what}`;
  if (!secrets.includes(secret)) secrets.push(secret);
  return secret;
}

function tableOf(host: InventoryHost | undefined, path: string): Fields {
  const found = variable(host, path);
  return isTable(found) ? found : {};
}

function underscored(name: string): string {
  return name.replaceAll('-', '_');
}
