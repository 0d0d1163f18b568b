import { join } from 'node:path';

import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import { faultsOf, readYaml, type Fault } from '../runbook/definitions.schema.ts';
import { defineSystem } from '../runbook/system.schema.ts';
import { backupProof } from './backupProof.ts';
import { coldBackup } from './coldBackup.ts';
import { vitamOptions } from './inputs.schema.ts';
import { orderDocument, platformDocument, withHostDefaults, type OrderDocument } from './platform.schema.ts';
import { resolvePlatform } from './resolvePlatform.schema.ts';
import { start } from './start.ts';
import { status } from './status.ts';

const ownOrders = join(import.meta.dirname, '..', '..', 'deploy', 'definitions', 'orders');

/** VITAM platforms. Order profiles lie in `orders/` beside the definition. */
export const vitam = defineSystem({
  name: 'vitam',
  word: 'platform',
  document: platformDocument,
  prepare: withHostDefaults,
  async resolve(name, document, file) {
    const { order, faults } = await readOrder(file, document.order);
    const resolved = resolvePlatform(name, document, order);
    return { definition: resolved.platform, faults: [...faults, ...resolved.faults] };
  },
  things: async ({ hosts }) => hosts.map(thingOf),
  procedures: {
    vitamColdBackup: { options: vitamOptions.vitamColdBackup, planned: coldBackup },
    vitamStart: { options: vitamOptions.vitamStart, planned: start },
    vitamStatus: { options: vitamOptions.vitamStatus, planned: status },
    vitamBackupProof: { options: vitamOptions.vitamBackupProof, planned: backupProof },
  },
});

/** A machine is the same one whatever a definition calls it. */
function thingOf({ reach }: HostRef): string {
  return reach.kind === 'local' ? 'host/local' : `host/${reach.address.toLowerCase()}:${reach.port}`;
}

async function readOrder(
  platformFile: string,
  order: { profile: string } | OrderDocument,
): Promise<{ order: OrderDocument | null; faults: Fault[] }> {
  if ('fronts' in order) return { order, faults: [] };
  const inOrder = (faults: Fault[]): Fault[] => faults.map(({ path, message }) => ({ path: `order(${order.profile}).${path}`, message }));
  for (const directory of [join(platformFile, '..', 'orders'), ownOrders]) {
    const document = await readYaml(join(directory, `${order.profile}.yaml`));
    if ('faults' in document && document.absent) continue;
    if ('faults' in document) return { order: null, faults: inOrder(document.faults) };
    const parsed = orderDocument.safeParse(document.value);
    return parsed.success ? { order: parsed.data, faults: [] } : { order: null, faults: inOrder(faultsOf(parsed.error)) };
  }
  return { order: null, faults: [{ path: 'order.profile', message: `there is no order profile "${order.profile}"` }] };
}
