import { z } from 'zod';

import { definitionName } from '../runbook/definitionFiles.schema.ts';
import type { PixReplica } from './replica.contract.ts';

const seconds = z.number().positive();
const count = z.int().min(1);
const table = z.string().min(1).max(63, 'a table name has at most 63 bytes').describe('the exact name of a table, without quotes');
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
  method: z.enum(['beside']).default('beside'),
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

export function resolveReplica(name: string, { tables, source, target, ...rest }: ReplicaDocument): PixReplica {
  return {
    name,
    ...rest,
    source: { name: 'source', ...source },
    target: { name: 'target', ...target },
    tables: Object.fromEntries(Object.entries(tables).flatMap(([each, mode]) => (mode === 'default' ? [] : [[each, mode] as const]))),
  };
}
