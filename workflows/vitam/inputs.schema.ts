import { z } from 'zod';

import type { RunRequest } from '../runbook/runbook.contract.ts';
import type { VitamPlatform } from './platform.contract.ts';
import type { PlatformDocument } from './platform.schema.ts';

/** Fields of the inputs of VITAM's procedures, beside `platform`, `dryRun` and the fields of the platform file, which they may change for one run. */
export const vitamOptions = {
  vitamColdBackup: {
    confirm: z.boolean().default(false).describe('ask a person before the first stop; the default answer is not to go on'),
  },
  vitamStart: {
    services: z
      .enum(['asRecorded', 'everything'])
      .default('asRecorded')
      .describe('what ran before the run that was lost, by its journal, or all when there is none; or everything'),
  },
  vitamStatus: {},
  vitamBackupProof: { set: z.string().nullable().default(null).describe('name of a set; absent: the newest good one') },
};

type Options<Type extends keyof typeof vitamOptions> = z.ZodObject<(typeof vitamOptions)[Type]>;

/** What a person writes: the platform alone is enough. */
export type VitamInput<Type extends keyof typeof vitamOptions> = { platform: string; dryRun?: boolean } & z.input<Options<Type>> &
  Partial<Record<keyof PlatformDocument, unknown>>;

/** What it becomes: validated, with the platform resolved; what the run follows, and what stands in history. */
export type VitamRequest<Type extends keyof typeof vitamOptions> = RunRequest & { platform: VitamPlatform } & z.output<Options<Type>>;
