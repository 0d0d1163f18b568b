import { z } from 'zod';

import { definitionName, timeZone } from '../runbook/definitions.schema.ts';

const seconds = z.number().positive();
const httpUrl = z.url({ protocol: /^https?$/, error: 'an http or https URL' });
const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time like "08:00"');
const inARow = z.int().min(1).default(3);
const readingName = z.string().min(1).max(80);
const labels = z.record(z.string(), z.string()).default({});
const metric = z.string().regex(/^[A-Za-z_:][\w:]*$/, 'the name of a metric');

/** One of three forms; each is recognised by a field that only it has. */
const metricReading = z.union(
  [
    z.strictObject({ series: metric, labels, factor: z.number().positive().default(1) }).transform(({ series, ...rest }) => ({
      ...{ form: 'series' as const, metric: series, ...rest },
    })),
    z.strictObject({ idleSeconds: metric, labels, apartSeconds: seconds.default(2) }).transform(({ idleSeconds, ...rest }) => ({
      ...{ form: 'idleSeconds' as const, metric: idleSeconds, ...rest },
    })),
    z.strictObject({ field: z.string().min(1), factor: z.number().positive().default(1) }).transform((rest) => ({
      ...{ form: 'field' as const, ...rest },
    })),
  ],
  { error: 'one of { series, labels, factor }, { idleSeconds, labels, apartSeconds }, { field, factor }' },
);

/** The load guard of a replica: what is watched while a run works by day, and what a breach does. */
export const guardDocument = z
  .strictObject({
    everySeconds: seconds.default(15),
    // Local times; the same begin and end is the whole day.
    hours: z
      .strictObject({
        begin: clockTime.default('08:00'),
        end: clockTime.default('20:00'),
        zone: timeZone.default('Europe/Paris'),
      })
      .prefault({}),
    breach: z.enum(['pause', 'stop', 'tell']).default('pause'),
    // What a pause does to tables and indexes under way.
    underWay: z.enum(['finish', 'end']).default('finish'),
    // Rounds of readings without a breach after which the guard's pause ends.
    goodInARow: z.int().min(1).default(4),
    // Less than `full.snapshotIdleSeconds`: a paused copy keeps its snapshot.
    pauseMaxSeconds: seconds.default(1500),
    whenPauseEnds: z.enum(['goOn', 'stop']).default('stop'),
    databaseCpu: z
      .array(
        z.strictObject({
          name: readingName,
          url: definitionName.describe('name of the secret that holds the URL'),
          token: definitionName.optional(),
          read: metricReading,
          limitPercent: z.number().min(1).max(100),
          inARow,
          timeoutSeconds: seconds.default(10),
        }),
      )
      .default([]),
    responseTimes: z
      .array(
        z.strictObject({
          name: readingName,
          url: httpUrl,
          limitMilliseconds: z.number().positive(),
          inARow,
          timeoutSeconds: seconds.default(10),
        }),
      )
      .default([]),
    busyBackends: z
      .array(
        z.strictObject({
          of: z.enum(['source', 'target']),
          cores: z.int().min(1),
          limitPerCore: z.number().positive(),
          inARow,
          samples: z.int().min(1).max(100).default(5),
          apartSeconds: seconds.default(0.5),
        }),
      )
      .default([]),
  })
  .superRefine(({ databaseCpu, responseTimes, busyBackends }, context) => {
    const names = [
      ...databaseCpu.map(({ name }) => name),
      ...responseTimes.map(({ name }) => name),
      ...busyBackends.map(({ of }) => `${of} database`),
    ];
    if (names.length === 0)
      context.addIssue({ code: 'custom', message: 'nothing is read: name databaseCpu, responseTimes or busyBackends' });
    for (const name of new Set(names.filter((each, index) => names.indexOf(each) !== index)))
      context.addIssue({ code: 'custom', message: `two readings are called "${name}"` });
  });

/** Containers that a full replication scales to nothing while it runs. */
export const containerDocument = z.strictObject({
  app: definitionName,
  region: definitionName,
  // Its kind, for example "background".
  container: definitionName,
  token: definitionName.describe('name of the secret that holds the API token'),
  // The platform's CLI on the worker.
  command: z.string().min(1).default('scalingo'),
  // For each of scaling down and back.
  limitSeconds: seconds.default(300),
});
