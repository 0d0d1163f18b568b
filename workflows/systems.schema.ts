import { pix } from './pix/system.schema.ts';
import type { System } from './runbook/system.schema.ts';
import { vitam } from './vitam/system.schema.ts';

/** Every system that is operated: worker, client, tests and pages read this list. */
export const systems: readonly System[] = [vitam, pix];
