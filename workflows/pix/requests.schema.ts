import { z } from 'zod';

import { failure } from '../../activities/failure.ts';
import type { RequestReader } from '../../activities/requests/requestActivities.ts';
import {
  definitionName,
  faultsInWords,
  faultsOf,
  findDefinitionFile,
  mergeFields,
  parseInput,
  readYaml,
  type Fault,
} from '../runbook/definitionFiles.schema.ts';
import type { FullReplicationRequest } from './fullReplication.contract.ts';
import type { PixReplica } from './replica.contract.ts';
import { replicaDocument, resolveReplica } from './replica.schema.ts';

const override = z.record(z.string(), z.unknown()).optional();
const replicaName = definitionName.or(z.never({ error: 'name a replica, for example {"replica":"pix"}' }));
const overrides = {
  full: override,
  retries: override,
  policy: override,
  foreignKeys: z.boolean().optional(),
  guard: override,
  limits: override,
};
/** Names a folder of the worker's work directory. */
const runId = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'the run id that the failure of the former run names');
const fullInput = z.strictObject({ replica: replicaName, dryRun: z.boolean().default(false), dumpOf: runId.optional(), ...overrides });
const incrementalOverrides = { incremental: override, retries: override, policy: override, guard: override };
const replicaAlone = z.strictObject({ replica: replicaName });
/** Names of the chain's steps, for `startAt` (pix 2). */
const chainStep = z.enum(['full', 'incremental', 'learningContent', 'notification']);

/** Reads the inputs of Pix's procedures against the replica files in `directories`; the first hit wins. */
export function pixReaders(directories: readonly string[]): Record<string, RequestReader> {
  const alone: RequestReader = async (input) => ({ replica: await replicaOf(directories, parseInput(replicaAlone, input).replica, {}) });
  return {
    pixFullReplication: async (input) => {
      const { replica: name, dryRun, dumpOf = null, ...changes } = parseInput(fullInput, input);
      const replica = await replicaOf(directories, name, changes);
      if (dumpOf !== null && replica.full.method !== 'inPlace')
        throw failure('InvalidInput', 'dumpOf is only for full.method inPlace: the method beside makes no dump');
      return { dryRun, dumpOf, replica } satisfies FullReplicationRequest;
    },
    pixReplication: async (input) => {
      const schema = z.strictObject({ replica: replicaName, startAt: chainStep.default('full'), ...overrides, incremental: override });
      const { replica, startAt, ...changes } = parseInput(schema, input);
      return { startAt, replica: await replicaOf(directories, replica, changes) };
    },
    pixIncrementalReplication: async (input) => {
      const { replica, ...changes } = parseInput(z.strictObject({ replica: replicaName, ...incrementalOverrides }), input);
      return { replica: await replicaOf(directories, replica, changes) };
    },
    pixPrepareIncremental: async (input) => {
      const schema = z.strictObject({ replica: replicaName, tables: z.array(z.string().min(1)).optional(), ...incrementalOverrides });
      const { replica, tables, ...changes } = parseInput(schema, input);
      return { replica: await replicaOf(directories, replica, changes), tables: tables ?? null };
    },
    pixUndoReplication: alone,
    pixLearningContent: alone,
    pixNotification: alone,
    pixSchemaCopy: alone,
    pixOpenData: alone,
    pixDumpToObjectStore: alone,
    pixVerify: alone,
  };
}

async function replicaOf(directories: readonly string[], name: string, changes: Record<string, unknown>): Promise<PixReplica> {
  const file = await findDefinitionFile('replica', directories, name);
  const { replica, faults } = await readReplicaFile(name, file, changes);
  if (replica) return replica;
  const overridden = Object.values(changes).some((change) => change !== undefined);
  throw failure(
    overridden ? 'InvalidInput' : 'InvalidReplica',
    faultsInWords(`replica "${name}"${overridden ? ' with the fields of the request' : ''}`, faults),
    { faults },
  );
}

/** Reads, validates and resolves one replica file; every fault with its path in the file. */
export async function readReplicaFile(
  name: string,
  file: string,
  changes: Record<string, unknown> = {},
): Promise<{ replica: PixReplica | null; faults: Fault[] }> {
  const document = await readYaml(file);
  if ('faults' in document) return { replica: null, faults: document.faults };
  const parsed = replicaDocument.safeParse(mergeFields(document.value, changes));
  if (!parsed.success) return { replica: null, faults: faultsOf(parsed.error) };
  const { replica, faults } = resolveReplica(name, parsed.data);
  return { replica: faults.length > 0 ? null : replica, faults };
}
