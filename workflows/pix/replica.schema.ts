import { z } from 'zod';

import type { PostgresRef } from '../../activities/postgres/postgres.contract.ts';
import { definitionName, dropUndefined, orEmpty, policyDocument, type Fault } from '../runbook/definitions.schema.ts';
import { containerDocument, guardDocument } from './guard.schema.ts';

const seconds = z.number().positive();
const count = z.int().min(1);
const table = z.string().min(1).max(63, 'a table name has at most 63 bytes').describe('the exact name of a table, without quotes');
const httpUrl = z.url({ protocol: /^https?$/, error: 'an http or https URL' });
const secretName = (what: string) => definitionName.describe(`name of the secret that holds ${what}`);
const server = (of: string) =>
  z.strictObject({ url: secretName('the URL') }, { error: `say where the ${of} is: { url: <name of a secret> }` });

/** Indexes that the warehouse has beside those of production. The offset is an interval: as a zone name, "UTC+1" would count westward. */
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
  // `beside`: built next to the live copy and swapped. `inPlace`: dumped into a file, the target emptied, restored, as the seed does it.
  method: z.enum(['beside', 'inPlace']).default('beside'),
  // Tables, indexes and keys under way at a time.
  atOnceMax: count.max(32).default(2),
  // maintenance_work_mem of one index build.
  indexMemoryMegabytes: count.default(512),
  // Further processes that one index build may use.
  indexWorkers: z.int().min(0).max(16).default(1),
  // How long the swap may look for a moment in which it harms no reader.
  swapLimitSeconds: seconds.default(600),
  // How long the source's snapshot may be held, and how long without a worker.
  snapshotLimitSeconds: seconds.default(24 * 3600),
  snapshotIdleSeconds: seconds.default(1800),
  // How often the copy may begin again under a new snapshot when the former was lost.
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
  // Rows of one chunk, copied and marked in one transaction.
  chunkRows: count.default(200_000),
  // Further facts per incremental table; one that is not named here is append-only with key `id`.
  tables: z
    .record(
      table,
      z.strictObject({
        // Ascending key of the rows.
        key: z.string().min(1).default('id'),
        // Column that grows with every update; absent: updates are not looked for.
        updatedAt: z.string().min(1).optional(),
        // Whether rows that vanished from the source are deleted.
        deletes: z.boolean().default(false),
      }),
    )
    .default({}),
  // When the columns of a table changed since the last run.
  whenSchemaChanged: z.enum(['fail', 'reload']).default('fail'),
  // When the counts of source and target disagree after the copy.
  whenCountsDiffer: z.enum(['report', 'reload']).default('report'),
});

/** Queries whose answers are shown, and how old the newest row of a table may be. */
const verify = z.strictObject({
  queries: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        sql: z.string().min(1),
        minimumRows: z.int().min(0).default(0),
        showRows: z.boolean().default(false).describe('the rows stand in the history; otherwise their number and columns alone'),
      }),
    )
    .default([{ name: 'first users', sql: 'select id from users order by id limit 5', minimumRows: 1, showRows: false }]),
  freshness: z.array(z.strictObject({ table, column: z.string().min(1), hoursMax: z.number().positive() })).default([]),
});

export const replicaDocument = z.strictObject({
  system: z.literal('pix'),
  title: z.string().default(''),
  source: server('source'),
  target: server('target'),
  schema: z.string().min(1).default('public'),
  // Tables that are not copied whole; every other table is. `incremental`: append-only, new rows alone are copied. `none`: never copied. The full replication
  // leaves both untouched.
  tables: z.record(table, z.enum(['incremental', 'none', 'default'])).default({}),
  // Among the copied tables.
  foreignKeys: z.boolean().default(false),
  full: orEmpty(full),
  // Room that a replacement of the warehouse may take.
  limits: orEmpty(
    z.strictObject({
      // Of all databases of the target's server together; absent: only the disk, where it can be seen.
      targetBytesMax: z.number().positive().optional(),
      // A dump's size as a share of the bytes of the rows without indexes.
      dumpShare: z.number().positive().max(2).default(0.5),
    }),
  ),
  incremental: orEmpty(incremental),
  // Absent: the step is left out of the chain.
  learningContent: z
    .strictObject({
      // Of the LCMS API; the path is added.
      url: httpUrl,
      apiKey: secretName('the key'),
      // Header `client`.
      app: z.string().min(1).default('pix-db-replication'),
      limitSeconds: seconds.default(180),
    })
    .optional(),
  // In this order, each once per run. `name`: how people call it; the URL itself is never shown.
  notifications: z
    .array(
      z.strictObject({
        name: definitionName,
        url: secretName('the URL'),
        token: secretName('the value of the header Authorization').optional(),
      }),
    )
    .default([]),
  // The warehouse's schema without rows, into another database.
  schemaCopy: z.strictObject({ target: server('target of the schema copy') }).optional(),
  // The weekly list.
  openData: z
    .strictObject({ url: httpUrl, rowsMax: count.default(2000), table: table.default('external_opendata_caisse_des_depots_cpf_list') })
    .optional(),
  // For pixDumpToObjectStore; `prefix` is the begin of the object's name.
  objectStore: z
    .strictObject({
      endpoint: httpUrl.optional(),
      region: z.string().min(1),
      bucket: z.string().min(3),
      prefix: z.string().min(1),
      accessKeyId: secretName('the access key').optional(),
      secretAccessKey: secretName('the secret key').optional(),
      pathStyle: z.boolean().default(true),
    })
    .optional(),
  verify: orEmpty(verify),
  // Absent: nobody watches the load; a person can pause a run all the same.
  guard: guardDocument.optional(),
  // Scaled to nothing while the chain's full replication runs.
  containers: z.array(containerDocument).default([]),
  // Tries of a step while its cause may pass, with doubling pauses.
  retries: orEmpty(z.strictObject({ attemptsMax: count.max(100).default(10), initialSeconds: seconds.default(1) })),
  policy: policyDocument({ holdSeconds: seconds.default(3600), questionSeconds: seconds.default(1800) }),
});

export type ReplicaDocument = z.infer<typeof replicaDocument>;

/** The replica that a file describes; its references have names for people. Its faults of reference, each with its path. */
export function resolveReplica(name: string, document: ReplicaDocument) {
  const { tables, source, target, schemaCopy, guard, full: settings, incremental: own } = document;
  const faults: Fault[] = Object.keys(own.tables)
    .filter((each) => tables[each] !== 'incremental')
    .map((each) => ({ path: `incremental.tables.${each}`, message: `is not incremental: give tables.${each} the mode "incremental"` }));
  if (guard && guard.pauseMaxSeconds >= settings.snapshotIdleSeconds)
    faults.push({
      path: 'guard.pauseMaxSeconds',
      message: `must be less than full.snapshotIdleSeconds (${settings.snapshotIdleSeconds}): a longer pause would lose the snapshot`,
    });
  if (guard?.breach === 'stop' && settings.method === 'inPlace')
    faults.push({
      path: 'guard.breach',
      message: 'cannot be "stop" where full.method is "inPlace": a stop would leave the warehouse half full',
    });
  const called = (what: string, { url }: { url: string }): PostgresRef => ({ name: what, url });
  const replica = dropUndefined({
    ...document,
    name,
    source: called('source', source),
    target: called('target', target),
    schemaCopy: schemaCopy && { target: called('schema copy', schemaCopy.target) },
    tables: Object.fromEntries(Object.entries(tables).flatMap(([each, mode]) => (mode === 'default' ? [] : [[each, mode] as const]))),
  });
  return { replica, faults };
}
