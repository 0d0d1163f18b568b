import { z } from 'zod';

import { definitionName, dropUndefined, type Fault } from '../runbook/definitionFiles.schema.ts';
import { containerDocument, guardDocument } from './guard.schema.ts';
import type { PixReplica } from './replica.contract.ts';

const seconds = z.number().positive();
const count = z.int().min(1);
const table = z.string().min(1).max(63, 'a table name has at most 63 bytes').describe('the exact name of a table, without quotes');
const httpUrl = z.url({ protocol: /^https?$/, error: 'an http or https URL' });
const server = (of: string) =>
  z.strictObject(
    { url: definitionName.describe('name of the secret that holds the URL') },
    { error: `say where the ${of} is: { url: <name of a secret> }` },
  );

/** Enrichment of systems.md C.2.2 step 5. The offset is an interval: as a zone name, "UTC+1" would count westward. */
export const enrichmentOfUpstream = [
  {
    name: 'knowledge-elements_createdAt_idx',
    table: 'knowledge-elements',
    on: `((("createdAt" at time zone interval '01:00')::date) desc)`,
  },
  { name: 'knowledge-element-snapshots_snappedAt_idx', table: 'knowledge-element-snapshots', on: '("snappedAt")' },
  { name: 'answers_challengeId_idx', table: 'answers', on: '("challengeId")' },
  { name: 'users_createdAt_idx', table: 'users', on: '("createdAt")' },
];

const full = z.strictObject({
  method: z.enum(['beside', 'inPlace']).default('beside'),
  atOnceMax: count.max(32).default(2),
  indexMemoryMegabytes: count.default(512),
  indexWorkers: z.int().min(0).max(16).default(1),
  swapLimitSeconds: seconds.default(600),
  snapshotLimitSeconds: seconds.default(24 * 3600),
  snapshotIdleSeconds: seconds.default(1800),
  snapshotsMax: count.max(10).default(3),
  enrichment: z
    .array(
      z.strictObject({
        name: table,
        table,
        on: z.string().regex(/^\s*(using\s+\w+\s*)?\(.*\)/is, 'what follows the table name in CREATE INDEX: "(…)"'),
      }),
    )
    .default(enrichmentOfUpstream),
  compatibilityViews: z
    .array(z.strictObject({ name: table, over: table }))
    .default([{ name: 'schooling-registrations', over: 'organization-learners' }]),
});

const incremental = z.strictObject({
  chunkRows: count.default(200_000),
  tables: z
    .record(
      table,
      z.strictObject({
        key: z.string().min(1).default('id'),
        updatedAt: z.string().min(1).optional(),
        deletes: z.boolean().default(false),
      }),
    )
    .default({}),
  whenSchemaChanged: z.enum(['fail', 'reload']).default('fail'),
  whenCountsDiffer: z.enum(['report', 'reload']).default('report'),
});

const verify = z.strictObject({
  queries: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        sql: z.string().min(1),
        minimumRows: z.int().min(0).default(0),
        showRows: z.boolean().default(false),
      }),
    )
    // The check of systems.md C.2.7 step 5.
    .default([{ name: 'first users', sql: 'select id from users order by id limit 5', minimumRows: 1, showRows: false }]),
  freshness: z.array(z.strictObject({ table, column: z.string().min(1), hoursMax: z.number().positive() })).default([]),
});

/** Defaults within defaults: an absent block is an empty one. */
const orEmpty = <Shape extends z.ZodType>(schema: Shape) => z.preprocess((value) => value ?? {}, schema);

export const replicaDocument = z.strictObject({
  title: z.string().default(''),
  source: server('source'),
  target: server('target'),
  schema: z.string().min(1).default('public'),
  tables: z.record(table, z.enum(['incremental', 'none', 'default'])).default({}),
  foreignKeys: z.boolean().default(false),
  full: orEmpty(full),
  limits: orEmpty(
    z.strictObject({ targetBytesMax: z.number().positive().optional(), dumpShare: z.number().positive().max(2).default(0.5) }),
  ),
  incremental: orEmpty(incremental),
  learningContent: z
    .strictObject({
      url: httpUrl,
      apiKey: definitionName,
      app: z.string().min(1).default('pix-db-replication'),
      limitSeconds: seconds.default(180),
    })
    .optional(),
  notifications: z.array(z.strictObject({ name: definitionName, url: definitionName, token: definitionName.optional() })).default([]),
  schemaCopy: z.strictObject({ target: server('target of the schema copy') }).optional(),
  openData: z
    .strictObject({ url: httpUrl, rowsMax: count.default(2000), table: table.default('external_opendata_caisse_des_depots_cpf_list') })
    .optional(),
  objectStore: z
    .strictObject({
      endpoint: httpUrl.optional(),
      region: z.string().min(1),
      bucket: z.string().min(3),
      prefix: z.string().min(1),
      accessKeyId: definitionName.optional(),
      secretAccessKey: definitionName.optional(),
      pathStyle: z.boolean().default(true),
    })
    .optional(),
  verify: orEmpty(verify),
  guard: guardDocument.optional(),
  containers: z.array(containerDocument).default([]),
  retries: orEmpty(z.strictObject({ attemptsMax: count.max(100).default(10), initialSeconds: seconds.default(1) })),
  policy: orEmpty(
    z.strictObject({
      onStepFailure: z.enum(['unwind', 'hold']).default('unwind'),
      holdSeconds: seconds.default(3600),
      questionSeconds: seconds.default(1800),
    }),
  ),
});

export type ReplicaDocument = z.infer<typeof replicaDocument>;

export function resolveReplica(name: string, document: ReplicaDocument): { replica: PixReplica; faults: Fault[] } {
  const { tables, source, target, learningContent, schemaCopy, openData, objectStore, guard, ...rest } = document;
  const faults = Object.keys(rest.incremental.tables)
    .filter((each) => tables[each] !== 'incremental')
    .map((each) => ({ path: `incremental.tables.${each}`, message: `is not incremental: give tables.${each} the mode "incremental"` }));
  if (guard && guard.pauseMaxSeconds >= rest.full.snapshotIdleSeconds)
    faults.push({
      path: 'guard.pauseMaxSeconds',
      message: `must be less than full.snapshotIdleSeconds (${rest.full.snapshotIdleSeconds}): a longer pause would lose the snapshot`,
    });
  if (guard?.breach === 'stop' && rest.full.method === 'inPlace')
    faults.push({
      path: 'guard.breach',
      message: 'cannot be "stop" where full.method is "inPlace": a stop would leave the warehouse half full',
    });
  const replica: PixReplica = {
    name,
    ...rest,
    ...dropUndefined({ learningContent, openData, objectStore }),
    ...(guard ? { guard: { ...guard, databaseCpu: guard.databaseCpu.map(dropUndefined) } } : {}),
    ...(schemaCopy ? { schemaCopy: { target: { name: 'schema copy', ...schemaCopy.target } } } : {}),
    source: { name: 'source', ...source },
    target: { name: 'target', ...target },
    tables: Object.fromEntries(Object.entries(tables).flatMap(([each, mode]) => (mode === 'default' ? [] : [[each, mode] as const]))),
  };
  return { replica, faults };
}
