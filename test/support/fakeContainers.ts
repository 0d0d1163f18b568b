import { failure } from '../../activities/failure.ts';
import type { Instances, ServiceActivities, ServiceChange, ServiceState } from '../../activities/services/services.contract.ts';

type Names = 'readServiceState' | 'stopService' | 'startService';

/** Kinds of containers in memory behind the contract of services. */
export class FakeContainers {
  readonly kinds = new Map<string, Instances>();
  readonly calls: string[] = [];
  /** So many starts fail. */
  startsThatFail = 0;

  activities(): Pick<ServiceActivities, Names> {
    const state = (unit: string): ServiceState => {
      const instances = this.kinds.get(unit) ?? { amount: 0, size: 'S' };
      return { condition: instances.amount > 0 ? 'running' : 'stopped', said: `${instances.amount}`, instances, ports: [] };
    };
    const changed = (unit: string): ServiceChange => ({ state: state(unit), alreadySo: false, elapsedSeconds: 0 });
    return {
      readServiceState: async ({ unit }) => state(unit),
      stopService: async ({ unit }) => {
        this.calls.push(`stop ${unit}`);
        this.kinds.set(unit, { amount: 0, size: this.kinds.get(unit)?.size ?? 'S' });
        return changed(unit);
      },
      startService: async ({ unit, instances }) => {
        this.calls.push(`start ${unit}`);
        if (this.startsThatFail > 0) {
          this.startsThatFail -= 1;
          throw failure('UnknownUnit', `${unit} does not start`);
        }
        if (instances) this.kinds.set(unit, instances);
        return changed(unit);
      },
    };
  }
}
