import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';

import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { z } from 'zod';

import { operationsQueue } from '../workflows/names.contract.ts';

const projectRoot = join(import.meta.dirname, '..');

/** A run takes some 2 MB of the heap while it is kept; 400 MB are for everything else. */
const cachedByMemory = (): number => Math.max(50, Math.floor((getHeapStatistics().heap_size_limit / 1e6 - 400) / 2));

const count = (fallback: number): z.ZodType<number> => z.coerce.number().int().min(1).default(fallback);
const folders = z.string().transform((text) => text.split(':').filter((each) => each !== ''));

/** Environment of a worker. The connection itself is read by Temporal's own rules: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_…, temporal.toml profiles. */
const environment = z.object({
  NIGHTSHIFT_DEFINITIONS: folders
    .default([join(projectRoot, 'deploy', 'definitions')])
    .describe('folders of definition files of all systems, separated by ":"; the first hit wins'),
  NIGHTSHIFT_POSTGRES_TOOLS: z.string().optional().describe('folder of pg_dump and pg_restore; absent: those on the PATH'),
  NIGHTSHIFT_WORK_DIRECTORY: z
    .string()
    .min(1)
    .optional()
    .describe('folder for dumps under way; absent: STATE_DIRECTORY, else .nightshift/work'),
  NIGHTSHIFT_SECRETS: folders.default([]).describe('folders of secret files; systemd credentials are looked at first'),
  NIGHTSHIFT_TASK_QUEUE: z.string().min(1).default(operationsQueue),
  // A platform in its night has up to four watches of copies under way and some short reads: enough for a hundred of them.
  NIGHTSHIFT_ACTIVITIES_AT_ONCE: count(500),
  NIGHTSHIFT_CACHED_WORKFLOWS: count(cachedByMemory()).describe(
    'runs kept in memory: platforms at once; one that is not kept is replayed at each of its steps',
  ),
  NIGHTSHIFT_SHUTDOWN_GRACE_SECONDS: count(20),
  NIGHTSHIFT_WORKFLOW_BUNDLE: z
    .string()
    .optional()
    .describe('path of a pre-built workflow bundle; absent: made at the first start and kept in .nightshift/bundles'),
  NIGHTSHIFT_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  NIGHTSHIFT_METRICS: z
    .string()
    .regex(/^[^:]+:\d+$/, 'an address and port, for example "127.0.0.1:9464"')
    .optional(),
  CREDENTIALS_DIRECTORY: z.string().optional(),
  STATE_DIRECTORY: z.string().optional(),
});

export interface WorkerSettings {
  definitionDirectories: string[];
  postgresTools: string | null;
  /** For files that a run needs while it lasts: dumps. */
  workDirectory: string;
  secretDirectories: string[];
  taskQueue: string;
  activitiesAtOnceMax: number;
  cachedWorkflowsMax: number;
  shutdownGraceSeconds: number;
  workflowBundle: string | undefined;
  logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  metricsAddress: string | undefined;
  connection: NativeConnectionOptions;
  namespace: string;
}

export class SettingsError extends Error {
  override name = 'SettingsError';
}

/** Folders of definitions and of secrets alone: for offline commands that need no server. */
export function readFolders(env: NodeJS.ProcessEnv = process.env): { definitions: string[]; secrets: string[] } {
  const { NIGHTSHIFT_DEFINITIONS: definitions, NIGHTSHIFT_SECRETS: secrets } = environment.shape;
  return { definitions: definitions.parse(env.NIGHTSHIFT_DEFINITIONS), secrets: secrets.parse(env.NIGHTSHIFT_SECRETS) };
}

/** Reads the settings of a process; the one reader of the environment. Throws SettingsError with every fault at once. */
export function readSettings(env: NodeJS.ProcessEnv = process.env): WorkerSettings {
  const parsed = environment.safeParse(env);
  if (!parsed.success)
    throw new SettingsError(
      `settings have ${parsed.error.issues.length} faults:\n${parsed.error.issues.map(({ path, message }) => `  ${path.join('.')}: ${message}`).join('\n')}`,
    );
  const { connectionOptions, namespace } = loadClientConnectConfig({ overrideEnvVars: env as Record<string, string> });
  if (!connectionOptions.address)
    throw new SettingsError(
      'settings have 1 fault:\n  TEMPORAL_ADDRESS: say where the Temporal server is (or give a profile in temporal.toml)',
    );
  const { CREDENTIALS_DIRECTORY: credentials, NIGHTSHIFT_SECRETS: secrets } = parsed.data;
  return {
    definitionDirectories: parsed.data.NIGHTSHIFT_DEFINITIONS,
    postgresTools: parsed.data.NIGHTSHIFT_POSTGRES_TOOLS ?? null,
    workDirectory: parsed.data.NIGHTSHIFT_WORK_DIRECTORY ?? parsed.data.STATE_DIRECTORY ?? join(projectRoot, '.nightshift', 'work'),
    secretDirectories: credentials ? [credentials, ...secrets] : secrets,
    taskQueue: parsed.data.NIGHTSHIFT_TASK_QUEUE,
    activitiesAtOnceMax: parsed.data.NIGHTSHIFT_ACTIVITIES_AT_ONCE,
    cachedWorkflowsMax: parsed.data.NIGHTSHIFT_CACHED_WORKFLOWS,
    shutdownGraceSeconds: parsed.data.NIGHTSHIFT_SHUTDOWN_GRACE_SECONDS,
    workflowBundle: parsed.data.NIGHTSHIFT_WORKFLOW_BUNDLE,
    logLevel: parsed.data.NIGHTSHIFT_LOG_LEVEL,
    metricsAddress: parsed.data.NIGHTSHIFT_METRICS,
    connection: connectionOptions,
    namespace: namespace ?? 'default',
  };
}
