import { z } from 'zod';

import { definitionName as name, mergeFields, policyDocument, timeZone as zone } from '../runbook/definitions.schema.ts';

const unitName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9@:._-]*$/, 'a unit name without spaces');
const absolutePath = z
  .string()
  .regex(/^\//, 'an absolute path')
  .refine((path) => !path.split('/').includes('..'), 'without ".."');
const port = z.int().min(1).max(65_535);
const seconds = z.number().positive();
const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a local time "HH:MM", quoted');
const hostKeys = z
  .array(z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}=?$/, 'an OpenSSH fingerprint "SHA256:…" (ssh-keygen -lf)'))
  .min(1, 'pin at least one host key');
const sshReach = z.strictObject({
  address: z.string().min(1).optional().describe("absent: the host's own"),
  port: port.default(22),
  user: z.string().min(1),
  privateKey: name.describe('name of the secret that holds the private key'),
  hostKeys: hostKeys.optional().describe('absent: hostKeys of the host'),
  proxyCommand: z.array(z.string()).min(1).optional(),
});

const host = z.strictObject({
  address: z.string().min(1).describe('address on which its services listen, seen from the host itself'),
  reach: z.union([z.literal('local'), z.strictObject({ ssh: sshReach })]).default('local'),
  serviceManager: z
    .union([
      z.literal('systemd'),
      z.strictObject({ systemd: z.strictObject({ sudo: z.boolean().default(false) }) }),
      z.strictObject({ supervisor: z.strictObject({ command: z.string().min(1), configFile: absolutePath }) }),
    ])
    .default('systemd'),
  hostKeys: hostKeys.optional(),
  stateDirectory: absolutePath.default('/var/lib/nightshift'),
  backupDirectory: absolutePath.optional(),
});

const tls = z.strictObject({
  certificate: name.optional(),
  key: name.optional(),
  authority: name.optional(),
  serverName: z.string().optional(),
});
const condition = z.enum(['stopped', 'failed']);

const component = z.strictObject({
  unit: unitName,
  hosts: z.array(name).min(1),
  servicePort: port,
  adminPort: port.optional(),
  status: z
    .strictObject({
      scheme: z.enum(['http', 'https']).default('http'),
      port: port.optional(),
      path: z.string().regex(/^\//, 'a path that begins with /'),
      accept: z.array(z.int()).default([200]),
      tls: tls.optional(),
    })
    .optional(),
  stoppedConditions: z.array(condition).min(1).default(['stopped', 'failed']),
  limits: z
    .strictObject({ startSeconds: seconds.default(300), stopSeconds: seconds.default(3600), apiSeconds: seconds.default(120) })
    .prefault({}),
  oneHostAtATime: z.boolean().default(false),
});

const orderLists = z.strictObject({
  profile: z.string().default('own'),
  fronts: z.array(name).min(1),
  workers: z.array(name),
  backEnds: z.array(name),
  search: z.array(name).default([]),
  start: z.array(name).min(1),
});

const credential = z.strictObject({
  username: z.string().min(1),
  password: name.describe('name of the secret'),
  authSource: z.string().default('admin'),
});
const member = z.union([
  name,
  z.strictObject({
    host: name,
    address: z.string().optional(),
    port: port.optional(),
    unit: unitName.optional(),
    dataDirectory: absolutePath.optional(),
  }),
]);
const replicaSet = z.strictObject({
  name: z.string().min(1),
  port,
  unit: unitName,
  dataDirectory: absolutePath,
  hosts: z.array(member).min(1),
  credential: credential.optional(),
});
const cluster = z.strictObject({
  routers: z
    .array(
      z.strictObject({ host: name, address: z.string().optional(), port: port.default(27017), unit: unitName.default('vitam-mongos') }),
    )
    .default([]),
  adminCredential: credential.optional(),
  config: replicaSet,
  shards: z.array(replicaSet).min(1),
});

const at = {
  when: z.union([z.literal('now'), clockTime]).default('00:00'),
  graceSeconds: seconds.default(900),
  limitSeconds: seconds.default(7200),
  pollSeconds: seconds.default(10),
  needs: z.array(name).default(['worker', 'processing', 'workspace', 'storage', 'logbook']),
};
const securisation = z.discriminatedUnion('mechanism', [
  z.strictObject({ mechanism: z.literal('none'), reason: z.string().min(1) }),
  z.strictObject({
    mechanism: z.literal('cron'),
    host: name,
    processPattern: z.string().min(1),
    resultFile: absolutePath,
    command: z.array(z.string()).min(1),
    ...at,
  }),
  z.strictObject({ mechanism: z.literal('timers'), host: name, units: z.array(unitName).min(1), ...at }),
  z.strictObject({
    mechanism: z.literal('scheduler'),
    logbook: name.default('logbook'),
    scheduler: name.default('scheduler'),
    jobs: z.array(z.string()).default([]),
    adminTenant: z.int().min(0).default(1),
    ...at,
  }),
]);

const objectStore = z.strictObject({
  endpoint: z.url().optional(),
  region: z.string().default('us-east-1'),
  bucket: z.string().min(3),
  prefix: z
    .string()
    .regex(/^[^/].*[^/]$|^[^/]?$/, 'no slash at either end')
    .default(''),
  accessKeyId: name.optional(),
  secretAccessKey: name.optional(),
  pathStyle: z.boolean().default(false),
});

/** The file as a person writes it. Unknown fields are faults. */
export const platformDocument = z.strictObject({
  system: z.literal('vitam'),
  title: z.string().default(''),
  window: z.strictObject({
    zone,
    begin: clockTime.default('20:00'),
    end: clockTime.default('08:00'),
    outside: z.enum(['refuse', 'wait', 'run']).default('wait'),
    atEnd: z.enum(['abort', 'continue', 'ask']).default('abort'),
    startServices: z.enum(['whenReady', 'atWindowEnd']).default('whenReady'),
  }),
  hostDefaults: z.unknown().optional().describe('fields of every host; a host says what differs'),
  hosts: z.record(name, host).refine((hosts) => Object.keys(hosts).length > 0, 'describe at least one host'),
  components: z.record(name, component),
  order: z.union([z.strictObject({ profile: name }), orderLists]),
  tenants: z.array(z.int().min(0)).min(1).default([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
  processing: name.default('processing'),
  drain: z
    .strictObject({
      pollSeconds: seconds.default(10),
      limitSeconds: seconds.default(14_400),
      paused: z.enum(['accept', 'wait', 'ask']).default('accept'),
      fatal: z.enum(['accept', 'ask', 'abort']).default('ask'),
    })
    .prefault({}),
  securisation,
  scheduler: name.optional(),
  clusters: z.record(name, cluster).refine((clusters) => Object.keys(clusters).length > 0, 'describe at least the data cluster'),
  backup: z.strictObject({
    requireSeparateDisk: z.boolean().default(true),
    freeSpaceFactor: z.number().min(0.1).default(1.1),
    compressionLevel: z.int().min(1).max(19).default(1),
    catalogHost: name,
    keepSets: z.int().min(1).default(7),
    evidence: z.enum(['digest', 'count']).default('digest'),
    further: z.array(z.strictObject({ name, host: name, path: absolutePath })).default([]),
    objectStore: objectStore.optional(),
    proof: z.strictObject({ directory: absolutePath, mongod: z.string().default('mongod'), port: port.default(28_999) }).optional(),
  }),
  policy: policyDocument({
    clockSkewLimitSeconds: seconds.default(30),
    balancerLimitSeconds: seconds.default(1800),
    mongoStartOrder: z.enum(['mongodFirst', 'configFirst']).default('mongodFirst'),
    restartRouters: z.boolean().default(true),
  }),
});

/** A host is its address alone where `hostDefaults` says the rest. */
export function withHostDefaults(value: unknown): unknown {
  const { hosts, hostDefaults } = (value ?? {}) as { hosts?: unknown; hostDefaults?: unknown };
  if (typeof hosts !== 'object' || hosts === null) return value;
  const whole = Object.entries(hosts).map(([each, own]: [string, unknown]) => [
    each,
    mergeFields(hostDefaults, typeof own === 'string' ? { address: own } : own),
  ]);
  return { ...(value as object), hosts: Object.fromEntries(whole) as unknown };
}

export const orderDocument = orderLists;
export type PlatformDocument = z.infer<typeof platformDocument>;
export type OrderDocument = z.infer<typeof orderDocument>;
export type HostDocument = z.infer<typeof host>;
export type ReplicaSetDocument = z.infer<typeof replicaSet>;
