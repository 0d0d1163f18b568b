import { join } from 'node:path';

import { z } from 'zod';

import { failure } from '../../activities/failure.ts';
import type { RequestReader } from '../../activities/requests/requestActivities.ts';
import {
  faultsInWords,
  faultsOf,
  findDefinitionFile,
  listDefinitionFiles,
  mergeFields,
  parseInput,
  readYaml,
  type Fault,
} from '../runbook/definitionFiles.schema.ts';
import type { BackupProofRequest } from './backupProof.contract.ts';
import type { ColdBackupRequest } from './coldBackup.contract.ts';
import type { VitamPlatform } from './platform.contract.ts';
import { orderDocument, platformDocument, type OrderDocument } from './platform.schema.ts';
import { resolvePlatform } from './resolvePlatform.schema.ts';
import type { StartRequest } from './start.contract.ts';
import type { StatusRequest } from './status.contract.ts';

const override = z.record(z.string(), z.unknown()).optional();
const overrides = {
  window: override,
  drain: override,
  securisation: override,
  backup: override,
  policy: override,
  order: override,
  tenants: z.array(z.number()).optional(),
};
const platformName = z
  .string({ error: 'name a platform, for example {"platform":"lab"}' })
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'a platform name');

const coldBackupInput = z.strictObject({
  platform: platformName,
  dryRun: z.boolean().default(false),
  confirm: z.boolean().default(false),
  ...overrides,
});
const startInput = z.strictObject({
  platform: platformName,
  services: z.enum(['asRecorded', 'everything']).default('asRecorded'),
  policy: override,
  order: override,
});
const statusInput = z.strictObject({ platform: platformName });
const backupProofInput = z.strictObject({ platform: platformName, set: z.string().optional() });

/** Reads the inputs of VITAM's procedures against the platform files in `directories` (first hit wins); order profiles lie in `orders/` beside them. */
export function vitamReaders(directories: readonly string[]): Record<string, RequestReader> {
  return {
    vitamColdBackup: async (input) => {
      const { platform, dryRun, confirm, ...changes } = parseInput(coldBackupInput, input);
      return { dryRun, confirm, platform: await platformOf(directories, platform, changes) } satisfies ColdBackupRequest;
    },
    vitamStart: async (input) => {
      const { platform, services, ...changes } = parseInput(startInput, input);
      return { services, platform: await platformOf(directories, platform, changes) } satisfies StartRequest;
    },
    vitamStatus: async (input) =>
      ({ platform: await platformOf(directories, parseInput(statusInput, input).platform, {}) }) satisfies StatusRequest,
    vitamBackupProof: async (input) => {
      const { platform, set } = parseInput(backupProofInput, input);
      return { platform: await platformOf(directories, platform, {}), set: set ?? null } satisfies BackupProofRequest;
    },
  };
}

async function platformOf(directories: readonly string[], name: string, changes: Record<string, unknown>): Promise<VitamPlatform> {
  const file = await findDefinitionFile('platform', directories, name);
  const { platform, faults } = await readPlatformFile(file, changes);
  if (!platform) {
    const overridden = Object.values(changes).some((change) => change !== undefined);
    throw failure(
      overridden ? 'InvalidInput' : 'InvalidPlatform',
      faultsInWords(`platform "${name}"${overridden ? ' with the fields of the request' : ''}`, faults),
      { faults },
    );
  }
  return platform;
}

/** Platform files of the directories: name to path. */
export const listPlatformFiles = listDefinitionFiles;

/** Reads, validates and resolves one platform file; every fault with its path in the file. */
export async function readPlatformFile(
  file: string,
  changes: Record<string, unknown> = {},
): Promise<{ platform: VitamPlatform | null; faults: Fault[] }> {
  const document = await readYaml(file);
  if ('faults' in document) return { platform: null, faults: document.faults };
  const parsed = platformDocument.safeParse(mergeFields(document.value, changes));
  if (!parsed.success) return { platform: null, faults: faultsOf(parsed.error) };
  const { order, faults } = await readOrder(file, parsed.data.order);
  const resolved = resolvePlatform(parsed.data, order);
  return { platform: faults.length > 0 ? null : resolved.platform, faults: [...faults, ...resolved.faults] };
}

async function readOrder(
  platformFile: string,
  order: { profile: string } | OrderDocument,
): Promise<{ order: OrderDocument | null; faults: Fault[] }> {
  if ('fronts' in order) return { order, faults: [] };
  for (const directory of [join(platformFile, '..', 'orders'), join(import.meta.dirname, '..', '..', 'deploy', 'platforms', 'orders')]) {
    const document = await readYaml(join(directory, `${order.profile}.yaml`));
    if ('faults' in document && document.absent) continue;
    if ('faults' in document)
      return { order: null, faults: document.faults.map(({ path, message }) => ({ path: `order(${order.profile}).${path}`, message })) };
    const parsed = orderDocument.safeParse(document.value);
    if (!parsed.success)
      return {
        order: null,
        faults: faultsOf(parsed.error).map(({ path, message }) => ({ path: `order(${order.profile}).${path}`, message })),
      };
    return { order: parsed.data, faults: [] };
  }
  return { order: null, faults: [{ path: 'order.profile', message: `there is no order profile "${order.profile}"` }] };
}
