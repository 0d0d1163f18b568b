import { cancellationSignal } from '@temporalio/activity';

import type { OpenHost, ResolveSecret } from '../hosts/host.ts';
import type { ServiceActivities } from './services.contract.ts';
import { readState } from './serviceState.ts';
import { startUnit } from './startUnit.ts';
import { stopUnit } from './stopUnit.ts';
import { manageUnit } from './manageUnit.ts';

export function createServiceActivities({
  openHost,
  resolveSecret,
}: {
  openHost: OpenHost;
  resolveSecret: ResolveSecret;
}): ServiceActivities {
  return {
    async readServiceState({ host: ref, unit, ports }) {
      const host = await openHost(ref);
      return readState(host, manageUnit(host, unit, { resolveSecret, signal: cancellationSignal() }), ports);
    },

    async stopService({ host: ref, unit, ports, acceptedConditions, limitSeconds }) {
      const host = await openHost(ref);
      const manager = manageUnit(host, unit, { resolveSecret, signal: cancellationSignal() });
      return stopUnit({ host, unit, ports, limitSeconds, manager }, acceptedConditions);
    },

    async startService({ host: ref, unit, ports, limitSeconds, waitFor, instances }) {
      const host = await openHost(ref);
      const manager = manageUnit(host, unit, { resolveSecret, signal: cancellationSignal(), ...(instances ? { instances } : {}) });
      return startUnit({ host, unit, ports, limitSeconds, manager }, waitFor ?? 'life');
    },

    async triggerService({ host: ref, unit }) {
      const host = await openHost(ref);
      const manager = manageUnit(host, unit, { resolveSecret, signal: cancellationSignal() });
      const { condition } = await manager.read();
      // A second attempt after a lost answer finds the job at work.
      if (condition !== 'running' && condition !== 'starting') await manager.trigger();
    },
  };
}
