import { z } from 'zod';

import { faultsOf, type Fault } from '../../workflows/runbook/definitions.schema.ts';

/** A replica file's document, and the secrets that it names. */
export interface ImportedReplica {
  document: Record<string, unknown>;
  /** Name to value: for files that only the worker reads. */
  secrets: Map<string, string>;
  /** What has no place in a replica file, or was not as it should be. */
  notes: string[];
}

const json = (schema: z.ZodType) =>
  z.string().transform((text, context) => {
    try {
      const parsed = schema.safeParse(JSON.parse(text));
      if (parsed.success) return parsed.data;
      for (const { path, message } of faultsOf(parsed.error))
        context.addIssue({ code: 'custom', message: `${path === '' ? '' : `${path}: `}${message}` });
    } catch {
      context.addIssue({ code: 'custom', message: 'is not JSON' });
    }
    return z.NEVER;
  });

const url = z.string().regex(/^postgres(ql)?:\/\//, 'a PostgreSQL URL (postgres://…)');
const given = (schema: z.ZodType) => z.preprocess((value) => (value === '' ? undefined : value), schema.optional());

/** Upstream's variables (pix 41). */
const variables = z.object({
  SOURCE_DATABASE_URL: url,
  DATABASE_URL: given(url),
  TARGET_DATABASE_URL: given(url),
  BACKUP_MODE: given(json(z.record(z.string(), z.enum(['incremental', 'none'])))),
  RESTORE_FK_CONSTRAINTS: given(z.string()),
  PG_RESTORE_JOBS: given(z.coerce.number().int().min(1)),
  SCHEDULE: given(z.string()),
  MAX_RETRY_COUNT: given(z.coerce.number().int().min(1)),
  EXPONENTIAL_RETRY_DELAY: given(z.coerce.number().min(1)),
  LCMS_API_URL: given(z.url()),
  LCMS_API_KEY: given(z.string()),
  NOTIFICATIONS: given(json(z.array(z.object({ url: z.url(), token: z.string().optional() })))),
  NOTIFICATION_URLS: given(json(z.array(z.url()))),
  DB_SCHEMA_EXPORTER_ENABLED: given(z.string()),
  DB_SCHEMA_EXPORTER_DATABASE_TARGET: given(url),
  APP: given(z.string()),
  S3_ACCESS_KEY: given(z.string()),
  S3_SECRET_ACCESS_KEY: given(z.string()),
  S3_ENDPOINT: given(z.string()),
  S3_REGION: given(z.string()),
  S3_BUCKET_NAME: given(z.string()),
  S3_OBJECT_NAME_PREFIX: given(z.string()),
  S3_SSL_ENABLED: given(z.string()),
});

type Variables = Record<keyof typeof variables.shape, unknown>;

/**
 * Turns the environment of 1024pix/pix-db-replication into a replica file: an existing user moves with one command.
 * @param name of the replica; names of secrets begin with it.
 */
export function readPixEnvironment(
  name: string,
  environment: Record<string, string | undefined>,
): { imported: ImportedReplica; faults: [] } | { imported: null; faults: Fault[] } {
  const parsed = variables.safeParse(environment);
  const faults: Fault[] = parsed.success ? [] : faultsOf(parsed.error);
  const read = (parsed.success ? parsed.data : {}) as Partial<Variables>;
  const targets = [read.DATABASE_URL, read.TARGET_DATABASE_URL].filter((each) => each !== undefined);
  if (parsed.success && targets.length === 0)
    faults.push({ path: 'DATABASE_URL', message: 'say where the warehouse is (DATABASE_URL or TARGET_DATABASE_URL)' });
  if (new Set(targets).size > 1)
    faults.push({
      path: 'TARGET_DATABASE_URL',
      message: 'differs from DATABASE_URL: full and incremental replication would fill two databases',
    });
  if (faults.length > 0) return { imported: null, faults };
  return { imported: assemble(name, read, targets[0] as string), faults: [] };
}

function assemble(name: string, read: Partial<Variables>, target: string): ImportedReplica {
  const secrets = new Map<string, string>();
  const notes: string[] = [];
  const secret = (what: string, value: unknown): string => {
    secrets.set(`${name}-${what}`, text(value));
    return `${name}-${what}`;
  };
  const webhooks = (read.NOTIFICATIONS ?? (read.NOTIFICATION_URLS as string[] | undefined)?.map((each) => ({ url: each })) ?? []) as {
    url: string;
    token?: string;
  }[];
  const document: Record<string, unknown> = {
    system: 'pix',
    title: `imported from the environment of ${text(read.APP ?? 'pix-db-replication')}`,
    source: { url: secret('source-url', read.SOURCE_DATABASE_URL) },
    target: { url: secret('target-url', target) },
    tables: read.BACKUP_MODE ?? {},
    // Upstream compares the text, and restores when the variable is absent.
    foreignKeys: (read.RESTORE_FK_CONSTRAINTS ?? 'true') === 'true',
    ...(read.PG_RESTORE_JOBS === undefined ? {} : { full: { atOnceMax: read.PG_RESTORE_JOBS } }),
    retries: { attemptsMax: read.MAX_RETRY_COUNT ?? 10, initialSeconds: Number(read.EXPONENTIAL_RETRY_DELAY ?? 1000) / 1000 },
    ...(read.LCMS_API_URL === undefined
      ? {}
      : {
          learningContent: {
            url: read.LCMS_API_URL,
            apiKey: secret('lcms-key', read.LCMS_API_KEY ?? ''),
            ...(read.APP === undefined ? {} : { app: read.APP }),
          },
        }),
    notifications: webhooks.map(({ url: address, token }, index) => ({
      name: `webhook-${index + 1}`,
      url: secret(`webhook-${index + 1}-url`, address),
      ...(token === undefined ? {} : { token: secret(`webhook-${index + 1}-token`, token) }),
    })),
  };
  if (read.DB_SCHEMA_EXPORTER_ENABLED === 'true' && read.DB_SCHEMA_EXPORTER_DATABASE_TARGET !== undefined)
    document.schemaCopy = { target: { url: secret('schema-copy-url', read.DB_SCHEMA_EXPORTER_DATABASE_TARGET) } };
  if (read.S3_BUCKET_NAME !== undefined) document.objectStore = objectStore(read, secret);
  if (read.SCHEDULE !== undefined)
    notes.push(`SCHEDULE ${text(read.SCHEDULE)} (zone Europe/Paris) is a Temporal schedule, not part of the replica file`);
  if (read.LCMS_API_URL !== undefined && read.LCMS_API_KEY === undefined)
    notes.push('LCMS_API_KEY is absent: write the key into its secret');
  return { document, secrets, notes };
}

function objectStore(read: Partial<Variables>, secret: (what: string, value: unknown) => string): Record<string, unknown> {
  const scheme = read.S3_SSL_ENABLED === 'false' ? 'http' : 'https';
  const endpoint = read.S3_ENDPOINT === undefined ? undefined : text(read.S3_ENDPOINT);
  return {
    ...(endpoint === undefined ? {} : { endpoint: /^https?:/.test(endpoint) ? endpoint : `${scheme}://${endpoint}` }),
    region: read.S3_REGION ?? 'us-east-1',
    bucket: read.S3_BUCKET_NAME,
    prefix: read.S3_OBJECT_NAME_PREFIX ?? 'dump',
    ...(read.S3_ACCESS_KEY === undefined ? {} : { accessKeyId: secret('s3-access-key', read.S3_ACCESS_KEY) }),
    ...(read.S3_SECRET_ACCESS_KEY === undefined ? {} : { secretAccessKey: secret('s3-secret-key', read.S3_SECRET_ACCESS_KEY) }),
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? '');
}
